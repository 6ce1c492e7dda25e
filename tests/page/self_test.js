// SPDX-License-Identifier: BSD-2-Clause
// Plays a reader of the report's page (tests/page/page_test).

(async () => {
	const results = [];
	const by = (id) => document.getElementById(id);
	const lines = () => [...document.querySelectorAll(".site > .line")];
	const cells = (name) => lines().map((line) => line.querySelector(`.${name}`).textContent);
	const data = JSON.parse(by("data").textContent);
	const report = data.reports[0], all = report.sites.length;

	function check(name, good, why = "") {
		results.push({ name, good: Boolean(good), why: good ? "" : String(why) });
	}

	function type(id, value) {
		by(id).value = value;
		by(id).dispatchEvent(new Event("input", { bubbles: true }));
	}

	function settle() {
		return new Promise((resolve) => setTimeout(resolve, 50));
	}

	function sortBy(key) {
		document.querySelector(`#columns [data-key="${key}"]`).click();
	}

	function isSorted(values, sign) {
		return values.every((value, index) => !index || (value < values[index - 1] ? -1 : 1) * sign > 0 || value === values[index - 1]);
	}

	function count() {
		return Number(by("count").textContent.replace(/,/g, "").split(" ")[0]);
	}

	async function checkOpening() {
		check("the kernel's name is the title", by("title").textContent === report.input.name && document.title.includes(report.input.name));
		check("all sites are counted", count() === all, by("count").textContent);
		check("only the rows in view are in the document", lines().length && lines().length < 90, lines().length);
		check("there is a bar for each call", by("calls").querySelectorAll(".bars button").length === Math.min(12, report.totals.by_call.length));
		check("the map has sections and sites", by("map").querySelectorAll("rect").length > 2);
		check("names are text, not markup", !by("markup"));
		check("the page is not wider than the window", document.documentElement.scrollWidth <= innerWidth, document.documentElement.scrollWidth);
	}

	async function checkSearch() {
		type("search", "wrmsr");
		check("search finds every site of an instruction", count() === report.sites.filter((site) => site.text === "wrmsr").length, by("count").textContent);
		check("and shows them only", cells("text").every((text) => text === "wrmsr"), cells("text"));
		type("search", "rdmsr springboard");
		check("words are looked for together", count() === report.sites.filter((site) => site.text === "rdmsr" && site.method === "springboard").length);
		type("search", report.sites[7].address.toUpperCase().replace("X", "x"));
		check("search finds an address", count() === 1);
		type("search", "no such thing");
		check("nothing is found where nothing is", count() === 0 && document.querySelector(".empty"));
		by("clear").click();
		check("clear shows all again", count() === all && by("search").value === "");
	}

	async function checkFilters() {
		const { name, sites } = report.totals.by_call[0];
		const expected = report.sites.filter((site) => site.call === name).length;

		type("call", name);
		check("a call can be chosen", count() === expected && sites > 0, by("count").textContent);
		by("clear").click();
		by("calls").querySelector(".bars button").click();
		check("a click on a bar chooses its call", count() === expected && by("call").value === name);
		by("clear").click();
	}

	async function checkSort() {
		sortBy("place");
		check("a click on a column sorts", isSorted(cells("symbol"), 1), cells("symbol"));
		sortBy("place");
		check("another click turns it round", isSorted(cells("symbol"), -1), cells("symbol"));
		sortBy("where");
		check("the first row is the lowest address", lines()[0].dataset.address === report.sites[0].address);
	}

	async function checkUnfolding() {
		const line = lines().find((each) => each.dataset.address === report.sites[1].address);
		const window = report.windows[report.sites[1].window];

		line.click();
		await settle();
		const open = document.querySelector(".site.open"), text = open?.textContent || "";
		const next = [...document.querySelectorAll(".site")].find((site) => site.offsetTop > open.offsetTop);

		check("a click unfolds a site", open && open.querySelector(".line").getAttribute("aria-expanded") === "true");
		check("it has the code before", window.before.every((each) => text.includes(each.split(" ")[2])), text);
		check("and the springboard's", window.springboard.code.every((each) => text.includes(each.split(" ")[0])));
		check("the site itself is marked", open.querySelectorAll(".sides > :first-child .is-site").length === window.before.length - window.displaced.length);
		check("and its call in the springboard", open.querySelectorAll(".sides > :last-child .is-site").length === window.springboard.code.filter((each) => each.includes("<VMI_")).length);
		const first = open.querySelector(".code > div");

		first.dispatchEvent(new MouseEvent("mouseenter"));
		check("pointing at an instruction marks what stands for it", open.querySelectorAll(".sides > :last-child .same").length ===
			window.springboard.originals.filter((each) => each === `0x${window.before[0].split(" ")[0]}`).length && first.classList.contains("same"));
		first.dispatchEvent(new MouseEvent("mouseleave"));
		check("and leaving it does no longer", !open.querySelector(".same"));
		check("it says why", text.includes("Method") && text.includes("Constrained by"));
		check("the next row is below it", !next || next.offsetTop >= open.offsetTop + open.offsetHeight - 1, `${next?.offsetTop} ${open.offsetTop} ${open.offsetHeight}`);
		check("it is as wide as the table at most", open.querySelector(".detail").offsetWidth <= by("table").clientWidth + 1);
		open.querySelector(".line").click();
		check("another click folds it", !document.querySelector(".site.open"));
	}

	async function checkKeyboard() {
		lines()[0].focus();
		document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowDown", bubbles: true }));
		check("the arrow goes to the next site", document.activeElement.dataset.address === report.sites[1].address, document.activeElement.outerHTML.slice(0, 200));
		document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
		check("return unfolds it, and it keeps the focus", document.querySelector(".site.open .line") === document.activeElement);
		document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
		document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "/", bubbles: true }));
		check("/ goes to the search", document.activeElement === by("search"));
	}

	async function checkScrolling() {
		by("table").scrollTop = by("table").scrollHeight;
		await settle();
		check("the last site is at the end", lines().some((line) => line.dataset.address === report.sites[all - 1].address));
		check("and still few rows are in the document", lines().length < 90, lines().length);
		by("table").scrollTop = 0;
		await settle();
	}

	async function checkTheme() {
		const color = () => getComputedStyle(document.body).backgroundColor;
		const before = color();

		by("theme").click();
		check("the button changes light and dark", color() !== before);
		by("theme").click();
		check("and back", color() === before);
	}

	async function checkStatistics() {
		check("the hottest site is first", lines()[0].dataset.address === "0xc1000006" && lines()[0].textContent.includes("777"));
		check("the hottest slot is first", by("slots").querySelector("tbody tr").textContent.includes("DisableInterrupts"));
		check("other counts are there", by("counts").textContent.includes("page-faults4,321"));
		type("reports", "1");
		check("another report can be chosen, and has its own", by("facts").textContent.includes("xen") && cells("text").length > 0 && !by("columns").textContent.includes("Calls"));
		type("reports", "0");
		sortBy("where");
	}

	try {
		if (location.hash) {
			await settle();
			check("a link to a site unfolds it", document.querySelector(".site.open .line")?.dataset.address === location.hash.slice(1));
		} else {
			await checkOpening();
			if (data.stats.length)
				await checkStatistics();
			for (const part of [checkSearch, checkFilters, checkSort, checkUnfolding, checkKeyboard, checkScrolling, checkTheme])
				await part();
		}
		results.push({ name: "every part was tried", good: true, why: "" });
	} catch (error) {
		check("no exception", false, error.stack);
	}
	const verdict = document.createElement("pre");

	verdict.id = "self-test";
	verdict.textContent = JSON.stringify({ done: true, results });
	document.body.append(verdict);
})();
