// SPDX-License-Identifier: BSD-2-Clause
// The table of sites. Only the rows in view are in the document, whatever their number.

const COLUMNS = [
	{ key: "where", name: "address", title: "Address", width: "84px" },
	{ key: "place", name: "symbol", title: "Symbol", width: "minmax(140px, 2.2fr)" },
	{ key: "text", name: "text", title: "Instruction", width: "minmax(130px, 1.6fr)" },
	{ key: "call", name: "call", title: "Call", width: "minmax(100px, 1fr)" },
	{ key: "method", name: "method", title: "Method", width: "118px" },
	{ key: "section", name: "section", title: "Section", width: "112px" },
	{ key: "reason", name: "reason", title: "Reason", width: "minmax(80px, 1.2fr)" },
];
const CALLS_COLUMN = { key: "calls", name: "calls", title: "Calls", width: "72px", right: true };

const EXTRA_ROWS = 8; // beyond those in view, on each side

class SiteTable {
	constructor(report) {
		this.report = report;
		this.columns = report.hasCalls ? [...COLUMNS, CALLS_COLUMN] : COLUMNS;
		this.order = report.hasCalls ? { key: "calls", up: false } : { key: "where", up: true };
		this.filters = { search: "", call: "", method: "", section: "", range: null };
		this.open = new Map(); // site to the height of its detail
		this.scroller = find("table");
		this.scroller.style.setProperty("--columns", this.columns.map((column) => column.width).join(" "));
		this.scroller.onscroll = () => this.draw();
		this.drawColumns();
		this.update();
	}

	rowHeight() {
		return parseFloat(getComputedStyle(document.documentElement).getPropertyValue("--row"));
	}

	drawColumns() {
		find("columns").replaceChildren(...this.columns.map((column) => {
			const sorted = this.order.key === column.key ? (this.order.up ? "ascending" : "descending") : "none";
			const arrow = { ascending: " ↑", descending: " ↓", none: "" }[sorted];

			return make("button", { type: "button", role: "columnheader", "aria-sort": sorted, class: column.right ? "right" : null,
				"data-key": column.key, onclick: () => this.sortBy(column.key) }, column.title + arrow);
		}));
	}

	sortBy(key) {
		this.order = { key, up: this.order.key === key ? !this.order.up : key !== "calls" };
		this.drawColumns();
		this.update();
	}

	filter(changes) {
		Object.assign(this.filters, changes);
		this.update();
	}

	matches(site, words) {
		const { call, method, section, range } = this.filters;

		return (!call || site.call === call) && (!method || site.method === method) && (!section || site.section === section)
			&& (!range || (site.where >= range[0] && site.where < range[1])) && words.every((word) => site.words.includes(word));
	}

	update() {
		const words = this.filters.search.toLowerCase().split(/\s+/).filter(Boolean);
		const { key, up } = this.order;
		const sign = up ? 1 : -1;

		this.shown = this.report.sites.filter((site) => this.matches(site, words));
		this.shown.sort((a, b) => {
			const left = a[key] ?? "", right = b[key] ?? "";

			return left < right ? -sign : left > right ? sign : a.where - b.where;
		});
		this.scroller.scrollTop = 0;
		find("count").textContent = this.shown.length === this.report.sites.length
			? `${number(this.shown.length)} sites` : `${number(this.shown.length)} of ${number(this.report.sites.length)}`;
		this.draw();
	}

	// The unfolded ones among the rows, [index, height], ascending.
	openRows() {
		if (!this.open.size)
			return [];
		return this.shown.map((site, index) => [index, this.open.get(site)]).filter(([, height]) => height !== undefined);
	}

	layout() {
		const row = this.rowHeight(), opened = this.openRows();
		const top = (index) => index * row + opened.reduce((sum, [at, height]) => at < index ? sum + height : sum, 0);
		let first = 0, last = this.shown.length;

		while (first < last) { // the last row whose top is above the view
			const middle = (first + last) >> 1;

			if (top(middle + 1) <= this.scroller.scrollTop)
				first = middle + 1;
			else
				last = middle;
		}
		return { row, top, first: Math.max(0, first - EXTRA_ROWS) };
	}

	draw() {
		const rows = find("rows"), { row, top, first } = this.layout();
		const elements = [];

		rows.style.height = `${Math.max(top(this.shown.length), 3 * row)}px`;

		const bottom = this.scroller.scrollTop + this.scroller.clientHeight + EXTRA_ROWS * row;

		this.scroller.style.setProperty("--view", `${this.scroller.clientWidth}px`);
		for (let index = first; index < this.shown.length && top(index) < bottom; index++)
			elements.push(this.element(this.shown[index], top(index)));
		if (!this.shown.length)
			elements.push(make("p", { class: "empty" }, "No site is like that."));
		const focused = document.activeElement?.dataset?.address;

		rows.replaceChildren(...elements);
		if (focused)
			rows.querySelector(`.line[data-address="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
		this.measure(rows);
	}

	// Details are as high as they are: once drawn their height is known, and the rows below move.
	measure(rows) {
		let changed = false;

		for (const element of rows.querySelectorAll(".site.open")) {
			const height = element.offsetHeight - this.rowHeight();

			if (Math.abs(this.open.get(element.site) - height) > 0.5) {
				this.open.set(element.site, height);
				changed = true;
			}
		}
		if (changed && !this.measuring) {
			this.measuring = true;
			this.draw();
			this.measuring = false;
		}
	}

	element(site, top) {
		const isOpen = this.open.has(site);
		const line = make("div", { class: "line", role: "row", tabindex: "0", "aria-expanded": String(isOpen), "data-address": site.address,
			onclick: () => this.toggle(site),
			onkeydown: (event) => this.key(event, site) }, ...this.columns.map((column) => this.cell(site, column)));
		const element = make("div", { class: isOpen ? "site open" : "site", style: `top: ${top}px` }, line);

		element.site = site;
		if (isOpen)
			element.append(detail(this.report, site));
		return element;
	}

	cell(site, column) {
		const attributes = { class: column.right ? `${column.name} right` : column.name, role: "cell" };

		switch (column.name) {
		case "address": return make("code", attributes, site.address.slice(2));
		case "symbol": return make("span", { ...attributes, title: site.place }, site.place || site.address);
		case "text": return make("code", { ...attributes, title: site.text }, site.text);
		case "method": return make("span", attributes, make("span", { class: "dot", style: `background: ${methodColor(site.method)}` }), site.method);
		case "calls": return make("span", attributes, site.calls ? number(site.calls) : "");
		default: return make("span", { ...attributes, title: site[column.key] }, site[column.key] ?? "");
		}
	}

	key(event, site) {
		const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];

		if (event.key === "Enter" || event.key === " ") {
			event.preventDefault();
			this.toggle(site);
		} else if (step) {
			const next = this.shown[this.shown.indexOf(site) + step];

			event.preventDefault();
			if (next)
				this.show(next, true);
		}
	}

	toggle(site) {
		if (this.open.has(site))
			this.open.delete(site);
		else
			this.open.set(site, 300);
		this.draw();
	}

	// Brings the site's row into view, or (first) to its top.
	show(site, focus, first) {
		const index = this.shown.indexOf(site), { row, top } = this.layout();
		const view = this.scroller, header = find("columns").offsetHeight;

		if (index < 0)
			return;
		if (first || top(index) < view.scrollTop)
			view.scrollTop = top(index);
		else if (top(index) + row + header > view.scrollTop + view.clientHeight)
			view.scrollTop = top(index) + row + header - view.clientHeight;
		this.draw();
		if (focus)
			find("rows").querySelector(`.line[data-address="${site.address}"]`)?.focus({ preventScroll: true });
	}
}
