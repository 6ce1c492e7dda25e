// SPDX-License-Identifier: BSD-2-Clause
// The pictures: methods, calls, sections, reasons, the map of the address space, the slots.

const SHOWN_BARS = 12;

// Methods in their order, those with sites only.
function methodParts(methods) {
	return METHODS.filter((method) => methods[method]).map((method) => [method, methods[method]]);
}

function stack(methods, total) {
	const bar = make("span", { class: "stack" });

	for (const [method, count] of methodParts(methods))
		bar.append(make("i", {
			style: `flex: 0 0 ${100 * count / total}%; background: ${methodColor(method)}`,
			title: `${method}: ${number(count)}`,
		}));
	return bar;
}

function drawMethods(report, filter) {
	const methods = Object.fromEntries(report.totals.by_method.map(({ name, sites }) => [name, sites]));
	const legend = make("div", { class: "legend" });

	for (const [method, count] of methodParts(methods))
		legend.append(make("button", { type: "button", onclick: () => filter({ method }), title: METHOD_TEXT[method] },
			make("span", { class: "dot", style: `background: ${methodColor(method)}` }),
			`${method} ${number(count)}`));
	find("methods").replaceChildren(stack(methods, Math.max(report.totals.sites, 1)), legend);
}

// One bar for each count; a click filters the table.
function drawBars(target, counts, click, wide) {
	const most = Math.max(1, ...counts.map(({ sites }) => sites));
	const bars = make("div", { class: wide ? "bars wide" : "bars" });
	const add = ({ name, sites, methods }) => bars.append(
		make("button", { type: "button", title: name, onclick: () => click(name) },
			make("span", { class: "name" }, name || "(none)"), stack(methods, most),
			make("span", { class: "number" }, number(sites))));

	counts.slice(0, SHOWN_BARS).forEach(add);
	target.replaceChildren(counts.length ? bars : make("p", { class: "quiet" }, "None."));
	if (counts.length <= SHOWN_BARS)
		return;
	const rest = counts.slice(SHOWN_BARS);
	const more = make("button", { type: "button", class: "more" }, `${rest.length} more`);

	more.addEventListener("click", () => {
		rest.forEach(add);
		more.remove();
	});
	target.append(more);
}

// --- the map ----------------------------------------------------------------------------------

function shape(name, attributes, ...children) {
	const element = document.createElementNS("http://www.w3.org/2000/svg", name);

	for (const [key, value] of Object.entries(attributes))
		element.setAttribute(key, value);
	element.append(...children);
	return element;
}

function titled(element, text) {
	element.append(shape("title", {}, text));
	return element;
}

// In units of the drawing; bins are equal ranges of addresses. A phone has room for fewer.
const MAP = matchMedia("(max-width: 820px)").matches ? { width: 480, height: 128, base: 96, bins: 120 }
	: { width: 1200, height: 128, base: 96, bins: 240 };

function sectionFill(section) {
	if (section.executable)
		return ["var(--accent)", 0.55];
	return ["var(--native)", section.writable ? 0.75 : 0.4];
}

// Sites a bin of addresses, by method.
function countBins(report, start, end) {
	const bins = Array.from({ length: MAP.bins }, () => ({ sites: 0, methods: {} }));

	for (const site of report.sites) {
		const bin = site.where < start ? null : bins[Math.min(MAP.bins - 1, Math.floor(MAP.bins * (site.where - start) / (end - start)))];

		if (!bin)
			continue;
		bin.sites++;
		bin.methods[site.method] = (bin.methods[site.method] || 0) + 1;
	}
	return bins;
}

function drawBin(svg, bin, index, most, start, step, filter) {
	const width = MAP.width / MAP.bins;
	let top = MAP.base - 4;

	for (const [method, count] of methodParts(bin.methods)) {
		const height = Math.max(1, (MAP.base - 12) * count / most);

		top -= height;
		svg.append(shape("rect", { x: index * width, y: top, width: width - 0.5, height, fill: methodColor(method) }));
	}
	const from = Math.floor(start + index * step), to = Math.floor(start + (index + 1) * step);
	const hit = shape("rect", { class: "hit bin", x: index * width, y: 0, width, height: MAP.base });

	hit.addEventListener("click", () => filter({ range: [from, to] }));
	svg.append(titled(hit, `${hexadecimal(from)}: ${number(bin.sites)} sites`));
}

function drawSections(svg, sections, start, end) {
	const scale = MAP.width / (end - start);

	for (const section of sections) {
		const x = (parseInt(section.address, 16) - start) * scale;
		const width = Math.max(1, section.size * scale - 0.5);
		const [fill, opacity] = sectionFill(section);

		svg.append(titled(shape("rect", { x, y: MAP.base, width, height: 14, fill, "fill-opacity": opacity }),
			`${section.name} ${section.address}, ${bytes(section.size)}`));
		if (width > 7 * section.name.length + 8)
			svg.append(shape("text", { x: x + 1, y: MAP.base + 27 }, section.name));
	}
}

function drawRegion(report) {
	const region = report.rom.region;
	const strip = make("div", { class: "strip" });

	for (const part of region.parts)
		strip.append(make("i", { class: part.name.slice(1).replace(".", "-"), style: `flex: ${Math.max(part.size, 1)} 1 0`,
			title: `${part.name} ${part.address}, ${bytes(part.size)}` }, part.name));
	return [make("h3", {}, "Added to the kernel"), strip,
		make("div", { class: "caption" },
			make("span", {}, `${region.address}, physical ${region.physical}`),
			make("span", {}, region.parts.map((part) => `${part.name} ${bytes(part.size)}`).join(" · ")),
			make("span", {}, bytes(region.size)))];
}

// The sections with code, and those in their neighbourhood: others would leave no room for them.
function mappedSections(report) {
	const sections = report.sections.filter((section) => section.size);
	const near = (section, other) => Math.abs(parseInt(section.address, 16) - parseInt(other.address, 16)) < 0x8000000;
	const code = sections.filter((section) => section.executable);

	return sections.filter((section) => code.some((other) => near(section, other)));
}

function drawMap(report, filter) {
	const sections = mappedSections(report);
	const ends = sections.map((section) => parseInt(section.address, 16) + section.size);
	const start = Math.min(...sections.map((section) => parseInt(section.address, 16)));
	const end = Math.max(...ends);
	const svg = shape("svg", { viewBox: `0 0 ${MAP.width} ${MAP.height}`, role: "img", "aria-label": "Sites over the kernel's addresses" });

	if (!sections.length) {
		find("map").replaceChildren(...drawRegion(report));
		return;
	}
	const bins = countBins(report, start, end);
	const most = Math.max(1, ...bins.map((bin) => bin.sites));

	bins.forEach((bin, index) => bin.sites && drawBin(svg, bin, index, most, start, (end - start) / MAP.bins, filter));
	drawSections(svg, sections, start, end);
	find("map").replaceChildren(svg,
		make("div", { class: "caption" }, make("span", {}, hexadecimal(start)),
			make("span", {}, report.sites.length ? `up to ${number(most)} sites in ${bytes(Math.ceil((end - start) / MAP.bins))}` : "no sites"),
			make("span", {}, hexadecimal(end))),
		...drawRegion(report));
}

// --- the slots --------------------------------------------------------------------------------

const SLOT_COLUMNS = [
	["number", "Call", true], ["name", "Name", false], ["action", "Becomes", false], ["address", "Slot", false],
	["size", "Bytes", true], ["sites", "Sites", true],
];

// How often the slot is used: calls, if they were counted, or sites.
function useOf(report, slot) {
	return report.hasCalls ? report.slotCalls.get(slot.name) || 0 : slot.sites;
}

function slotRow(report, slot, most) {
	const cells = SLOT_COLUMNS.map(([key, , right]) => make("td", { class: right ? "right" : "" },
		key === "address" ? make("code", {}, slot.out_of_line ? `${slot.address} → ${slot.body}` : slot.address)
			: key === "number" || key === "name" || key === "action" ? String(slot[key]) : slot[key] ? number(slot[key]) : ""));

	if (report.hasCalls)
		cells.push(make("td", { class: "right" }, number(report.slotCalls.get(slot.name) || 0)));
	cells.push(make("td", { style: "width: 30%" }, useOf(report, slot)
		? make("span", { class: "meter", style: `width: ${100 * useOf(report, slot) / most}%` }) : ""));
	return make("tr", { class: slot.action === "-" ? "absent" : "" }, ...cells);
}

function drawSlots(report, order = report.hasCalls ? "calls" : "number", all = false) {
	const slots = report.slots.filter((slot) => all || slot.action !== "-");
	const most = Math.max(1, ...slots.map((slot) => useOf(report, slot)));
	const value = (slot) => order === "calls" ? report.slotCalls.get(slot.name) || 0 : slot[order];
	const descends = ["size", "sites", "calls"].includes(order);
	const columns = report.hasCalls ? [...SLOT_COLUMNS, ["calls", "Calls", true]] : SLOT_COLUMNS;

	slots.sort((a, b) => (value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : a.number - b.number) * (descends ? -1 : 1));
	find("slots").replaceChildren(make("table", {},
		make("thead", {}, make("tr", {}, ...columns.map(([key, title, right]) => make("th", { class: right ? "right" : "" },
			make("button", { type: "button", onclick: () => drawSlots(report, key, all) }, key === order ? `${title} ${descends ? "↓" : "↑"}` : title))),
		make("th", {}))),
		make("tbody", {}, ...slots.map((slot) => slotRow(report, slot, most)))));
	if (!all && slots.length < report.slots.length)
		find("slots").append(make("button", { type: "button", class: "more", onclick: () => drawSlots(report, order, true) },
			`${report.slots.length - slots.length} calls that the ROM does not offer`));
}

// What else a ROM has counted.
function drawCounts(report) {
	const counts = statisticsOf(report).flatMap((stats) => stats.counts || []);

	find("counts").replaceChildren(...counts.length ? [make("h2", { class: "second" }, "Other counts"),
		make("table", { class: "counts" }, make("tbody", {}, ...counts.map(({ name, count }) =>
			make("tr", {}, make("td", {}, name), make("td", { class: "right" }, number(count))))))] : []);
}
