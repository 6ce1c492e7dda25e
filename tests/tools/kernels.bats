#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# tools/debian.py, fetch-kernel, build-linux, kernels: what comes into the cache, and what is done
# without network.

# shellcheck disable=SC2154 # tools, calls: common.bash
load common

setup() {
	common_setup
	archive=$BATS_TEST_TMPDIR/archive
	mkdir -p "$archive"
	release 6.1.0-1 6.1.1-1
}

# The archive has a kernel package $1 of version $2.
release() {
	local package=linux-image-$1-686-pae
	local folder=$BATS_TEST_TMPDIR/$package
	mkdir -p "$folder/boot" "$folder/DEBIAN"
	echo "kernel $1" >"$folder/boot/vmlinuz-$1-686-pae"
	printf 'Package: %s\nVersion: %s\nArchitecture: i386\nMaintainer: nobody\nDescription: none\n' \
		"$package" "$2" >"$folder/DEBIAN/control"
	dpkg-deb --build "$folder" "$archive/${package}_$2_i386.deb" >/dev/null
	pretend apt-cache <<-END
		echo "Package: linux-image-686-pae"
		echo "Version: $2"
		echo "Depends: $package (= $2), other"
	END
	pretend apt-get <<-END
		case \$* in
		*update) ;;
		*) cp "$archive/\${*: -1:1}"_* . 2>/dev/null || cp "$archive/${package}_$2_i386.deb" . ;;
		esac
	END
}

offline() {
	pretend apt-get <<<'echo "E: Failed to fetch x" >&2; exit 100'
	pretend apt-cache <<<'exit 100'
}

# A day passes.
tomorrow() {
	touch -d '2 days ago' "$XDG_CACHE_HOME"/postburn/debian/.*.asked
}

@test "a kernel is fetched, unpacked and its path printed" {
	run --separate-stderr "$tools/fetch-kernel" 686-pae
	[ "$status" -eq 0 ]
	[ "$output" = "$XDG_CACHE_HOME/postburn/debian/686-pae/boot/vmlinuz-6.1.0-1-686-pae" ]
	[ "$(cat "$output")" = "kernel 6.1.0-1" ]
}

@test "within a day Debian is not asked again" {
	"$tools/fetch-kernel"
	: >"$calls"
	run --separate-stderr "$tools/fetch-kernel"
	[ "$status" -eq 0 ]
	[ ! -s "$calls" ]
}

@test "a newer version replaces the older one" {
	"$tools/fetch-kernel"
	release 6.1.0-2 6.1.2-1
	tomorrow
	run --separate-stderr "$tools/fetch-kernel"
	[ "$(cat "$output")" = "kernel 6.1.0-2" ]
	run ls "$XDG_CACHE_HOME/postburn/debian"
	[ "$output" = "$(printf '686-pae\nlinux-image-6.1.0-2-686-pae_6.1.2-1')" ]
}

@test "offline, the cached kernel does and that is said" {
	"$tools/fetch-kernel"
	tomorrow
	offline
	run --separate-stderr "$tools/fetch-kernel"
	[ "$status" -eq 0 ]
	[ "$(cat "$output")" = "kernel 6.1.0-1" ]
	# shellcheck disable=SC2154 # run sets stderr
	[[ $stderr == *"using the cached vmlinuz-6.1.0-1-686-pae"* ]]
}

@test "offline without a copy: status 1, nothing printed, no litter" {
	offline
	run --separate-stderr "$tools/fetch-kernel"
	[ "$status" -eq 1 ]
	[ "$output" = "" ]
	[[ $stderr == *"no 686-pae kernel in the cache"* ]]
	run find "$XDG_CACHE_HOME/postburn/debian" -mindepth 1 -not -name '.lock'
	[ "$output" = "" ]
}

@test "a package that does not unpack leaves the older kernel alone" {
	"$tools/fetch-kernel"
	release 6.1.0-2 6.1.2-1
	head -c 100 /dev/zero >"$archive/linux-image-6.1.0-2-686-pae_6.1.2-1_i386.deb"
	tomorrow
	run --separate-stderr "$tools/fetch-kernel"
	[ "$status" -eq 0 ]
	[ "$(cat "$output")" = "kernel 6.1.0-1" ]
	[[ $stderr == *"could not be unpacked"* ]]
}

@test "what a killed run left is removed" {
	mkdir -p "$XDG_CACHE_HOME/postburn/debian/.new-left/files"
	"$tools/fetch-kernel"
	[ ! -e "$XDG_CACHE_HOME/postburn/debian/.new-left" ]
}

@test "--cached asks nobody" {
	run --separate-stderr "$tools/fetch-kernel" --cached
	[ "$status" -eq 1 ]
	[ ! -s "$calls" ]
}

@test "an unknown flavour names the known ones" {
	run "$tools/fetch-kernel" 686-ape
	[ "$status" -eq 2 ]
	[[ $output == *"one of 686-pae, 686"* ]]
}

# The entries that debian.py keeps of the sources in the folder $1.
sources() {
	python3 - "$tools" "$1" <<-'END'
		import pathlib, sys
		sys.path.insert(0, sys.argv[1])
		import debian
		debian.APT_FOLDER = pathlib.Path(sys.argv[2])
		try:
		    print(debian.sources(), end="")
		except debian.Problem as problem:
		    sys.exit(str(problem))
	END
}

@test "of the machine's sources, Debian 12's are kept, others not" {
	mkdir -p "$BATS_TEST_TMPDIR/apt/sources.list.d"
	cat >"$BATS_TEST_TMPDIR/apt/sources.list" <<-'END'
		# deb http://one/debian bookworm main
		deb [arch=amd64 signed-by=/key] http://two/debian bookworm main contrib # comment
		deb-src http://three/debian bookworm main
		deb http://four/debian bookworm-backports main
		deb http://five/debian bookworm stable
	END
	cat >"$BATS_TEST_TMPDIR/apt/sources.list.d/some.sources" <<-'END'
		Types: deb deb-src
		# a comment
		URIs: http://six/debian
		Suites: bookworm bookworm-updates
		 bookworm-backports
		Components: main
		Signed-By: /other/key

		Types: deb
		Enabled: no
		URIs: http://seven/debian
		Suites: bookworm
		Components: main
	END
	run sources "$BATS_TEST_TMPDIR/apt"
	[ "$output" = "deb [signed-by=/key] http://two/debian bookworm main
deb [signed-by=/other/key] http://six/debian bookworm main
deb [signed-by=/other/key] http://six/debian bookworm-updates main" ]
}

@test "a machine without Debian 12 sources is told so" {
	mkdir -p "$BATS_TEST_TMPDIR/apt"
	run sources "$BATS_TEST_TMPDIR/apt"
	[ "$status" -eq 1 ]
	[[ $output == *"no source of Debian 12"* ]]
}

# Checks a final configuration, standard input, against tools/linux-configs/$1.config's fragment.
accepts() {
	cat >"$BATS_TEST_TMPDIR/final"
	python3 - "$tools" "$1" "$BATS_TEST_TMPDIR/final" <<-'END'
		import importlib.machinery, importlib.util, pathlib, sys
		sys.path.insert(0, sys.argv[1])
		loader = importlib.machinery.SourceFileLoader("build_linux", sys.argv[1] + "/build-linux")
		spec = importlib.util.spec_from_loader("build_linux", loader)
		build_linux = importlib.util.module_from_spec(spec)
		loader.exec_module(build_linux)
		config = build_linux.Config(sys.argv[2])
		try:
		    config.check(pathlib.Path(sys.argv[3]))
		except build_linux.debian.Problem as problem:
		    sys.exit(str(problem))
	END
}

@test "a line of a fragment that Linux does not take fails the build" {
	local fragment=$tools/linux-configs/defconfig.config
	accepts defconfig <"$fragment"
	grep -v KPROBES "$fragment" >"$BATS_TEST_TMPDIR/less"
	run accepts defconfig <"$BATS_TEST_TMPDIR/less"
	[[ $output == *"does not accept 'CONFIG_KPROBES=y'"* ]]
	sed 's/^# CONFIG_DRM is not set/CONFIG_DRM=y/' "$fragment" >"$BATS_TEST_TMPDIR/more"
	run accepts defconfig <"$BATS_TEST_TMPDIR/more"
	[[ $output == *"does not accept '# CONFIG_DRM is not set'"* ]]
}

@test "required kernels that are missing are an error, wanted ones a remark" {
	offline
	run "$tools/kernels" required
	[ "$status" -eq 1 ]
	run "$tools/kernels" wanted
	[ "$status" -eq 0 ]
	[[ $output == *"tests that need them will skip"* ]]
}
