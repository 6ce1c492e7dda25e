#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# Bad input: `postburn: error: FILE: what and where`, exit status 1, nothing written.

setup() {
	here=$BATS_TEST_DIRNAME
	elf=$POSTBURN_BUILD/fuzz/seeds/metadata/stripped-6.1
	elf64=$POSTBURN_BUILD/fuzz/seeds/metadata/stripped-6.1-64
	symtab=$POSTBURN_BUILD/fuzz/seeds/metadata/symtab-6.1
	image=$POSTBURN_BUILD/fuzz/seeds/metadata/bzimage-gzip
	bad=$BATS_TEST_TMPDIR/bad
	memory=unlimited
	# What stands before the program's name to run it: see "no permission".
	runner=(timeout 20)
}

# refuse FILE MESSAGE: scan ends with status 1, the message (an extended regular expression) for that
# file on standard error, and leaves neither a report nor any other file.
refuse() {
	local folder=$BATS_TEST_TMPDIR/out
	rm -rf "$folder"
	mkdir "$folder"
	(
		ulimit -v "$memory"
		exec "${runner[@]}" "$POSTBURN" scan -o "$folder/report" "$1"
	) >"$BATS_TEST_TMPDIR/stdout" 2>"$BATS_TEST_TMPDIR/stderr" && status=0 || status=$?
	if [ "$status" -ne 1 ] || [ -s "$BATS_TEST_TMPDIR/stdout" ] || [ -n "$(ls -A "$folder")" ] ||
		! grep -qE "^postburn: error: $1: $2 \[E[0-9]+\]\$" "$BATS_TEST_TMPDIR/stderr"; then
		echo "status $status, expected: $1: $2"
		cat "$BATS_TEST_TMPDIR/stdout" "$BATS_TEST_TMPDIR/stderr"
		ls -A "$folder"
		return 1
	fi
}

# refuse_edited MESSAGE FIELD=VALUE...: the miniature kernel with these fields of its headers changed.
refuse_edited() {
	local message=$1
	shift
	"$here/edit-elf" "${base:-$elf}" "$bad" "$@"
	refuse "$bad" "$message" || {
		echo "with $*"
		return 1
	}
}

refuse_made() {
	"$here/make-hostile" "$1" "$elf" "$bad"
	refuse "$bad" "$2"
}

# A limit on memory proves that a claim is not believed; ASan needs terabytes of addresses.
limit_memory() {
	! nm -D "$POSTBURN" 2>/dev/null | grep -q __asan || skip "an ASan build cannot run in limited memory"
	memory=$1
}

@test "the unchanged files are accepted" {
	for file in "$elf" "$elf64" "$symtab" "$image"; do
		"$POSTBURN" scan -o "$bad" "$file"
	done
}

@test "an empty file" {
	: >"$bad"
	refuse "$bad" "is empty"
}

@test "a file that is not there" {
	refuse "$BATS_TEST_TMPDIR/none" "cannot be opened: No such file or directory"
}

@test "a directory" {
	refuse "$BATS_TEST_TMPDIR" "is a directory"
}

@test "a device" {
	refuse /dev/zero "is neither a regular file nor a pipe"
}

@test "no permission" {
	cp "$elf" "$bad"
	chmod 000 "$bad"
	# root reads everything, but for a root without these capabilities.
	if [ "$(id -u)" -eq 0 ]; then
		runner=(timeout 20 setpriv "--bounding-set=-dac_override,-dac_read_search"
			"--inh-caps=-dac_override,-dac_read_search")
		"${runner[@]}" cat "$bad" >/dev/null 2>&1 && skip "reading cannot be forbidden here"
	fi
	refuse "$bad" "cannot be opened: Permission denied"
}

@test "text, and an archive" {
	echo "# not a kernel" >"$bad"
	refuse "$bad" "is no kernel: .*"
	printf '!<arch>\n' >"$bad"
	refuse "$bad" "is no kernel: .*"
}

@test "an ELF file cut short at any byte" {
	size=$(stat -c %s "$symtab")
	cut=1
	while [ "$cut" -lt "$size" ]; do
		head -c "$cut" "$symtab" >"$bad"
		refuse "$bad" ".+"
		cut=$((cut < 80 || cut > size - 20 ? cut + 1 : cut + 61))
	done
}

@test "a boot image cut short at any byte of its payload" {
	# The last 16 bytes are padding.
	size=$(($(stat -c %s "$image") - 16))
	cut=1
	while [ "$cut" -lt "$size" ]; do
		head -c "$cut" "$image" >"$bad"
		refuse "$bad" ".+"
		cut=$((cut < 80 || cut > size - 20 ? cut + 1 : cut + 61))
	done
}

@test "cut short, the message says what is missing" {
	head -c 51 "$elf" >"$bad"
	refuse "$bad" "the ELF file has 51 bytes, its header alone 52"
	head -c 600 "$elf" >"$bad"
	refuse "$bad" "the section headers .* not in the file's 600 bytes"
	head -c 1100 "$image" >"$bad"
	refuse "$bad" "the packed kernel .* is not in the boot image's 1100 bytes"
}

@test "another class, byte order, machine or version" {
	refuse_edited "the ELF class is 3: .*" EI_CLASS=3
	refuse_edited "the ELF byte order is 2: .*" EI_DATA=2
	refuse_edited "the ELF machine is 40; .*" e_machine=40
	refuse_edited "the ELF machine is 62; .*" e_machine=62
	base=$elf64 refuse_edited "the ELF machine is 3; .*" e_machine=3
	refuse_edited "the ELF version is 2, not 1" e_version=2
}

@test "a core file, and an unknown type" {
	refuse_edited "is a core file, not a kernel" e_type=4
	refuse_edited "the ELF type is 65024: .*" e_type=0xfe00
}

@test "headers of another size, or outside of the file" {
	refuse_edited "program headers have 31 bytes instead of 32" e_phentsize=31
	refuse_edited "section headers have 64 bytes instead of 40" e_shentsize=64
	refuse_edited "the program headers .* not in the file's .* bytes" e_phoff=0xfffffff0
	refuse_edited "the section headers .* not in the file's .* bytes" e_shoff=0xfffffff0
	refuse_edited "the section headers .* not in the file's .* bytes" e_shnum=0xfe00
	base=$elf64 refuse_edited "the section headers .* not in .*" e_shoff=0xffffffffffffffc0
}

@test "segments that overlap, wrap around or lie outside of the file" {
	refuse_edited "segments overlap: .*" "p_vaddr[1]=0xc1000100"
	refuse_edited "segment 1 .* passes the end of the address space" "p_vaddr[1]=0xfffffff0"
	refuse_edited "segment 1 .* passes the end of the address space" "p_memsz[1]=0xffffff00"
	refuse_edited "segment 0 .* is not in the file's .* bytes" "p_offset[0]=0xfffffff0"
	refuse_edited "segment 0 .* is not in the file's .* bytes" "p_filesz[0]=0x100000" \
		"p_memsz[0]=0x100000"
	refuse_edited "segment 0 has .* bytes in the file, but 16 in memory" "p_memsz[0]=16"
	base=$elf64 refuse_edited "segment 1 .* passes the end of the address space" \
		"p_vaddr[1]=0xfffffffffffffff0"
}

@test "sections that overlap, wrap around or lie outside of the file" {
	refuse_edited "section .* is not in the file's .* bytes" "sh_offset[.text]=0x7fffffff"
	refuse_edited "section .* is not in the file's .* bytes" "sh_offset[.text]=0xffffffff"
	refuse_edited "section .* is not in the file's .* bytes" "sh_size[.text]=0xfffffff0"
	refuse_edited "section(s overlap: .*| .* is not where its segment has these addresses)" \
		"sh_addr[__ex_table]=0xc1000010"
	refuse_edited "section .* passes the end of the address space" "sh_addr[.bss]=0xffffff00"
	base=$elf64 refuse_edited "section .* is not in the file's .* bytes" \
		"sh_size[.text]=0x8000000000000000"
}

@test "names outside of their tables" {
	refuse_edited "section 65279 is not a table of section names" e_shstrndx=0xfeff
	refuse_edited "the name of section .* is not in the table of .* bytes" \
		"sh_name[.text]=0xffffff"
	refuse_edited "section .* is not a table of section names" e_shstrndx=1
}

@test "symbol tables that do not hold" {
	base=$symtab
	refuse_edited ".*symbol.*" "sh_link[.symtab]=0xffff"
	refuse_edited ".*symbol.*" "sh_size[.symtab]=+1"
	refuse_edited ".*symbol.*" "sh_entsize[.symtab]=7"
}

@test "tables of Linux that do not validate: table, entry and reason" {
	refuse_edited ".*__ex_table.*" "sh_size[__ex_table]=-4"
	refuse_edited ".*\.altinstructions.*" "sh_size[.altinstructions]=-5"
}

@test "an unknown compression" {
	refuse_made unknown "the packed kernel at offset .* has an unknown compression \(50 4b 03 04\)"
}

@test "a damaged payload, one outside of the file, one that is no ELF" {
	refuse_made damaged "the gzip data .*"
	refuse_made outside "the packed kernel .* is not in the boot image's .* bytes"
	refuse_made no-elf "the packed kernel is not an ELF file"
}

@test "a claim of 4 GB in a kilobyte allocates nothing" {
	limit_memory 100000
	refuse_made claims-4g "the boot image claims to unpack to 4294967295 bytes; .*"
	[ "$(stat -c %s "$bad")" -lt 2048 ]
	refuse_made claims-900m "the packed kernel has 604 bytes, but the boot image claims 943718400"
	base=$elf64
	refuse_edited "section .* is not in the file's .* bytes" "sh_size[.rodata]=0x100000000"
	refuse_edited "segment 0 .* is not in the file's .* bytes" "p_filesz[0]=0x100000000" \
		"p_memsz[0]=0x100000000"
	base=$elf
	refuse_edited "the section headers .* not in the file's .* bytes" e_shnum=0xfeff
	refuse_made dictionary "the lzma data needs a dictionary of more than .* bytes"
}

@test "large memory sizes that a kernel may have are only numbers" {
	limit_memory 100000
	"$here/edit-elf" "$elf" "$bad" "p_memsz[1]=0x3e000000" "sh_size[.bss]=0x3d000000"
	(
		ulimit -v "$memory"
		exec timeout 20 "$POSTBURN" scan -o /dev/null "$bad"
	)
}

@test "sections that share their bytes over and over" {
	limit_memory 100000
	refuse_made shared-sections "sections have .* bytes all in all, in a file of .*"
}

@test "a site in every byte: memory stays a small multiple of the file" {
	limit_memory 150000
	"$here/make-hostile" all-sites "$elf" "$bad"
	for format in json csv text; do
		(
			ulimit -v "$memory"
			exec timeout 60 "$POSTBURN" scan --format=$format -o "$BATS_TEST_TMPDIR/report" "$bad"
		)
	done
	[ "$(wc -l <"$BATS_TEST_TMPDIR/report")" -gt 524288 ]
}

@test "a decompression bomb is refused at its claim, or where memory ends" {
	limit_memory 100000
	refuse_made bomb "the zstd data unpacks to more than 1048576 bytes"
	limit_memory 300000
	refuse_made bare-bomb "out of memory"
}

@test "a decompression bomb without a claim is refused at the limit" {
	[ "$(awk '/MemAvailable/{print $2}' /proc/meminfo)" -gt 3000000 ] || skip "3 GB of free memory"
	limit_memory 2400000
	refuse_made bare-bomb "the zstd data unpacks to more than 1073741824 bytes"
}

@test "an error leaves an older report alone" {
	echo older >"$BATS_TEST_TMPDIR/report"
	: >"$bad"
	run "$POSTBURN" scan -o "$BATS_TEST_TMPDIR/report" "$bad"
	[ "$status" -eq 1 ]
	[ "$(cat "$BATS_TEST_TMPDIR/report")" = older ]
	[ "$(ls "$BATS_TEST_TMPDIR")" = "$(printf 'bad\nreport')" ]
}
