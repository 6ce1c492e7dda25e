// SPDX-License-Identifier: BSD-2-Clause
// The reports in the page, with what is computed of them once.

const documents = JSON.parse(document.getElementById("data").textContent);

const METHODS = ["in place", "springboard", "hop", "retarget", "trap", "inert alternative", "native", "unpatched"];

const METHOD_TEXT = {
	"in place": "The instruction itself was replaced by a call or jump of its slot, or by the ROM's inline bytes.",
	"springboard": "A jump replaces the instructions of the window; they run in the springboard, the site as a call of its slot.",
	"hop": "There was room for a short jump only: it leads to padding nearby, which holds the jump to the springboard.",
	"retarget": "Something branches into the window: these branches were led to the copies in the springboard.",
	"trap": "One trapping byte replaces the instruction; the ROM looks the site up. This is the slowest way.",
	"inert alternative": "The kernel copies this replacement only if it finds a feature that the ROM hides.",
	"native": "The instruction stays as it is, by the ROM's will.",
	"unpatched": "The instruction has to be rewritten and is not: without privileges it faults, or does something else.",
};

const PROPERTY_TEXT = {
	entry: "is jumped to",
	pointer: "is referred to",
	fixup: "is where a fault leads",
	inert: "is replaced by an alternative that is never applied",
	lock: "is a lock prefix that may be removed",
	fixed: "is looked up or rewritten by the kernel",
	faulting: "may fault",
};

function methodColor(method) {
	if (!METHODS.includes(method))
		return "var(--native)";
	return `var(--${method === "inert alternative" ? "inert" : method.replace(" ", "-")})`;
}

function number(value) {
	return value.toLocaleString("en-US");
}

function bytes(value) {
	if (value < 10240)
		return `${number(value)} bytes`;
	if (value < 10 * 1048576)
		return `${number(Math.round(value / 1024))} KiB`;
	return `${number(Math.round(value / 1048576))} MiB`;
}

function hexadecimal(value) {
	return `0x${value.toString(16)}`;
}

function placeOf(site) {
	if (site.symbol === null)
		return "";
	return site.offset ? `${site.symbol}+${hexadecimal(site.offset)}` : site.symbol;
}

// The statistics that belong to the report: those of the same ROM name, or without one.
function statisticsOf(report) {
	return documents.stats.filter((stats) => !stats.rom || stats.rom === report.rom.name);
}

function countCalls(report) {
	report.slotCalls = new Map();
	report.siteCalls = new Map();
	for (const stats of statisticsOf(report)) {
		for (const call of stats.calls)
			report.slotCalls.set(call.call, (report.slotCalls.get(call.call) || 0) + call.count);
		for (const site of stats.sites)
			report.siteCalls.set(site.address, (report.siteCalls.get(site.address) || 0) + site.count);
	}
	report.hasCalls = report.slotCalls.size > 0 || report.siteCalls.size > 0;
}

function prepare(report) {
	if (report.prepared)
		return report;
	countCalls(report);
	report.sites.forEach((site, index) => {
		site.index = index;
		site.where = parseInt(site.address, 16);
		site.place = placeOf(site);
		site.calls = report.siteCalls.get(site.address) || 0;
		site.words = [site.address, site.place, site.text, site.call, site.form, site.method,
			site.section, site.reason || "", site.origin].join("\n").toLowerCase();
	});
	report.prepared = true;
	return report;
}

// An element with attributes, properties that begin with "on", and children.
function make(name, attributes, ...children) {
	const element = document.createElement(name);

	for (const [key, value] of Object.entries(attributes || {})) {
		if (key.startsWith("on"))
			element.addEventListener(key.slice(2), value);
		else if (value !== null && value !== undefined && value !== false)
			element.setAttribute(key, value === true ? "" : value);
	}
	element.append(...children.filter((child) => child !== null && child !== undefined));
	return element;
}

function find(id) {
	return document.getElementById(id);
}
