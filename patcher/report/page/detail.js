// SPDX-License-Identifier: BSD-2-Clause
// One site unfolded: the code before and after, and why it is so.

// "c1000000 fa cli <name>" as a row; isSite marks it. original is the address of the instruction of
// the kernel that it is or stands for: pointing at a row marks the others of the same one.
function codeLine(line, isSite, original) {
	const match = /^(\S+) (\S+) (.*?)( <[^<>]*>)?$/.exec(line);
	const [, address, code, text, target] = match || [null, "", "", line, ""];

	return make("div", { class: isSite ? "is-site" : null, "data-original": original,
		onmouseenter: (event) => markSame(event.target, true),
		onmouseleave: (event) => markSame(event.target, false) }, make("span", { class: "a" }, address),
		make("span", { class: "b", title: code }, code),
		make("span", {}, text, target ? make("span", { class: "to" }, target) : ""));
}

function markSame(row, isMarked) {
	const original = row.dataset.original;

	for (const other of original ? row.closest(".sides").querySelectorAll(".code [data-original]") : [])
		other.classList.toggle("same", isMarked && other.dataset.original === original);
}

function codeBlock(lines, siteLines, originals) {
	return make("div", { class: "code" }, ...lines.map((line, index) =>
		codeLine(line, siteLines && siteLines.has(index), originals && originals[index])));
}

// The lines that stand for sites: calls and jumps of slots.
function slotLines(lines) {
	return new Set(lines.map((line, index) => / <VMI_[^<>]*>$/.test(line) ? index : -1));
}

function filler(count) {
	return count > 0 ? make("div", { class: "filler" }, make("span", {}), make("span", {}), make("span", {}, count === 1 ? "int3" : `int3, ${count} times`)) : null;
}

// What stands at the window now.
function afterBlock(site, window) {
	const block = codeBlock(window.after);
	const left = window.size - (window.hop ? 2 : 5);

	if (window.after.length)
		block.firstChild.after(...[filler(left)].filter(Boolean));
	return block;
}

function siteLines(window) {
	const displaced = new Set(window.displaced);

	return new Set(window.before.map((line, index) => index).filter((index) => !displaced.has(index)));
}

function sides(site, window) {
	const before = make("div", {}, make("h3", {}, window || site.after ? "Before" : "Left as it is"));
	const after = make("div", {});

	if (!window) {
		before.append(codeBlock([`${site.address.slice(2).padStart(8, "0")} ${site.bytes} ${site.text}`], new Set([0])));
		if (site.after)
			after.append(make("h3", {}, "After"), codeBlock(site.after));
		return make("div", { class: "sides" }, before, after);
	}
	before.append(codeBlock(window.before, siteLines(window), window.before.map((line) => `0x${line.split(" ")[0]}`)));
	if (!window.springboard) {
		after.append(make("h3", {}, "After: unchanged"));
		return make("div", { class: "sides" }, before, after);
	}
	after.append(make("h3", {}, "After"), afterBlock(site, window),
		make("h3", {}, `Springboard, ${bytes(window.springboard.size)}`), codeBlock(window.springboard.code, slotLines(window.springboard.code), window.springboard.originals));
	return make("div", { class: "sides" }, before, after);
}

// The places of one reason and property are told once.
function constraintList(constraints) {
	const groups = new Map();

	for (const { address, size, property, reason } of constraints) {
		const key = `${reason}: ${PROPERTY_TEXT[property]}`;
		const place = size > 1 ? `${address}+${size}` : address;

		groups.set(key, [...(groups.get(key) || []), place]);
	}
	return make("ul", {}, ...[...groups].map(([key, places]) => {
		const [reason, text] = key.split(": ");

		return make("li", {}, make("code", {}, reason), ` — ${places.join(", ")} ${text}`);
	}));
}

function siteLink(site) {
	return make("a", { href: `#${site.address}` }, `${site.text} at ${site.place || site.address}`);
}

function joined(report, site, window) {
	const others = window.sites.filter((index) => index !== site.index).map((index) => report.sites[index]);

	return others.length ? make("ul", {}, ...others.map((other) => make("li", {}, siteLink(other)))) : null;
}

// [term, value] pairs; pairs without value are left out.
function reasons(report, site, window) {
	const pairs = [["Method", `${site.method}. ${METHOD_TEXT[site.method]}`]];
	const constraints = window ? window.constraints : site.constraints || [];

	pairs.push(["Reason", site.reason ? make("code", {}, site.reason) : null]);
	pairs.push(["Instruction", `${site.form}, ${site.deprivileged === "faults" ? "faults" : site.deprivileged} outside ring 0; becomes ${site.call || "no call"}`]);
	pairs.push(["Place", `${site.address}, ${site.section}${site.context === "text" ? "" : ` (${site.context})`}`]);
	if (site.origin !== "scan")
		pairs.push(["Known from", site.origin]);
	if (window) {
		const moved = window.displaced.length;

		pairs.push(["Window", `${window.address}, ${bytes(window.size)}; ${moved} ${moved === 1 ? "instruction" : "instructions"} displaced`
			+ (window.padding ? `; ${bytes(window.padding)} of padding` : "")]);
		pairs.push(["Shares it with", joined(report, site, window)]);
		pairs.push(["Moved branches", movedBranches(report, window)]);
		pairs.push(["Moved fixups", movedFixups(report, window)]);
	}
	pairs.push(["Constrained by", constraints.length ? constraintList(constraints) : null]);
	pairs.push(["Calls", report.siteCalls.size ? number(site.calls) : null]);
	return pairs.filter(([, value]) => value !== null);
}

function movedBranches(report, window) {
	const start = parseInt(window.address, 16);
	const moved = report.moved_branches.filter(({ target }) => {
		const where = parseInt(target, 16);

		return where > start && where < start + window.size;
	});

	return moved.length ? codeBlock(moved.flatMap(({ before, after }) => [before, after])) : null;
}

function movedFixups(report, window) {
	const start = parseInt(window.address, 16);
	const moved = report.moved_fixups.filter(({ fixup }) => {
		const where = parseInt(fixup, 16);

		return where >= start && where < start + window.size;
	});

	return moved.length ? moved.map(({ instruction, fixup }) => `of ${instruction}, was ${fixup}`).join("; ") : null;
}

function detail(report, site) {
	const window = site.window === null ? null : report.windows[site.window];

	return make("div", { class: "detail" }, sides(site, window),
		make("dl", { class: "why" }, ...reasons(report, site, window)
			.flatMap(([term, value]) => [make("dt", {}, term), make("dd", {}, value)])));
}
