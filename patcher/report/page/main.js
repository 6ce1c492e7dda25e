// SPDX-License-Identifier: BSD-2-Clause
// The page: one report at a time, its summary, and what can be done with it.

let table = null;

function drawHead(report) {
	const facts = [
		["ROM", `${report.rom.name}, ${bytes(report.rom.size)}`],
		["Written by", report.tool],
		["Input", `${report.input.format}, ${bytes(report.input.size)}`],
		["SHA-256", make("code", { title: report.input.sha256 }, `${report.input.sha256.slice(0, 16)}…`)],
		["Output", make("code", { title: report.output.sha256 }, `${report.output.name || "not written"} ${report.output.sha256.slice(0, 16)}…`)],
		["Symbols", report.input.symbols],
	];

	document.title = `${report.input.name} — postburn`;
	find("title").textContent = report.input.name;
	find("banner").textContent = report.input.banner || "";
	find("facts").replaceChildren(...facts.map(([term, value]) => make("div", {}, make("dt", {}, term), make("dd", {}, value))));
	find("foot").textContent = report.input.exact_references ? ""
		: "This kernel has no relocations: every word that looks like an address of code counts as a reference.";
}

function drawTotals(report) {
	const { totals } = report;
	const traps = totals.by_method.find(({ name }) => name === "trap")?.sites || 0;
	const share = totals.sites ? `${Math.floor(1000 * totals.rewritten / totals.sites) / 10} % rewritten` : "rewritten";
	const cards = [
		[number(totals.sites), "sensitive instructions"],
		[number(totals.rewritten), share],
		[number(totals.native), "native, by the ROM's will"],
		[number(totals.unpatched), "unpatched", totals.unpatched],
		[number(traps), "by trap", false],
		[number(totals.windows), "springboards"],
		[bytes(report.rom.region.size), "added to the kernel"],
	];

	find("totals").replaceChildren(...cards.map(([value, text, bad]) =>
		make("div", { class: bad ? "total bad" : "total" }, make("b", {}, value), make("span", {}, text))));
}

function fillSelect(id, title, counts) {
	find(id).replaceChildren(make("option", { value: "" }, title),
		...counts.map(({ name, sites }) => make("option", { value: name }, `${name} (${number(sites)})`)));
}

// Changes the filters, and the controls that show them.
function filter(changes) {
	table.filter(changes);
	for (const id of ["search", "call", "method", "section"])
		if (id in changes)
			find(id).value = changes[id];
	find("clear").hidden = !Object.values(table.filters).some(Boolean);
}

// The same from a picture: the table comes into view.
function filterFromPicture(changes) {
	filter({ search: "", call: "", method: "", section: "", range: null, ...changes });
	find("sites-title").scrollIntoView({ behavior: "smooth", block: "start" });
}

function openReport(index) {
	const report = prepare(documents.reports[index]);

	drawHead(report);
	drawTotals(report);
	drawMethods(report, filterFromPicture);
	drawBars(find("calls"), report.totals.by_call, (call) => filterFromPicture({ call }));
	drawBars(find("sections"), report.totals.by_section, (section) => filterFromPicture({ section }));
	drawBars(find("reasons"), report.totals.by_reason, (search) => filterFromPicture({ search }), true);
	drawMap(report, filterFromPicture);
	drawSlots(report);
	drawCounts(report);
	fillSelect("call", "All calls", report.totals.by_call);
	fillSelect("method", "All methods", report.totals.by_method);
	fillSelect("section", "All sections", report.totals.by_section);
	find("search").value = "";
	find("clear").hidden = true;
	table = new SiteTable(report);
}

// #0xc1000000 unfolds that site.
function followHash() {
	const site = table.report.sites.find(({ address }) => `#${address}` === location.hash);

	if (!site)
		return;
	if (!table.shown.includes(site))
		filter({ search: "", call: "", method: "", section: "", range: null });
	if (!table.open.has(site))
		table.toggle(site);
	table.show(site, true, true);
	find("table").scrollIntoView({ block: "nearest" });
}

function changeTheme() {
	const root = document.documentElement;
	const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;

	root.dataset.theme = dark ? "light" : "dark";
}

function listen() {
	for (const id of ["search", "call", "method", "section"])
		find(id).addEventListener("input", (event) => filter({ [id]: event.target.value }));
	find("clear").addEventListener("click", () => filter({ search: "", call: "", method: "", section: "", range: null }));
	find("theme").addEventListener("click", changeTheme);
	find("reports").addEventListener("input", (event) => openReport(Number(event.target.value)));
	window.addEventListener("hashchange", followHash);
	window.addEventListener("resize", () => table.draw());
	document.addEventListener("keydown", (event) => {
		if (event.key === "/" && !/^(input|select)$/i.test(event.target.tagName)) {
			event.preventDefault();
			find("search").focus();
		}
	});
}

find("reports").hidden = documents.reports.length < 2;
find("reports").replaceChildren(...documents.reports.map((report, index) =>
	make("option", { value: index }, `${report.input.name} (${report.rom.name})`)));
openReport(0);
listen();
followHash();
