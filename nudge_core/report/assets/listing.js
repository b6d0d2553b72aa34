// A table in pages: searched, filtered and sorted over all its rows, of which only one page is in the document.

/**
 * columns: [{name, title, value(row), cell(row), number}]; filters: elements that call `list.refresh()`;
 * keeps(row): what the filters let through; haystack(row): the text that is searched; detail(row): what opens below a row.
 */
function listing(place, { what, rows, columns, haystack, keeps, filters, detail, searches, size }) {
  const state = { page: 0, by: null, falling: true, kept: rows, words: [] };
  const search = el("input", { type: "search", id: `${place.id}-search`, autocomplete: "off", spellcheck: "false" });
  const told = el("p", { class: "told", role: "status" });
  const body = el("tbody");
  const heads = columns.map((column) => {
    const button = column.value
      ? el("button", { type: "button", class: "sort", onclick: () => sortBy(column) }, column.title, el("span", { class: "arrow", "aria-hidden": "true" }))
      : column.title;
    return el("th", { scope: "col", class: column.number ? "number" : null }, button);
  });
  const back = el("button", { type: "button", onclick: () => turn(state.page - 1) }, "Back");
  const on = el("button", { type: "button", onclick: () => turn(state.page + 1) }, "Next");
  const number = el("input", { type: "number", min: 1, value: 1, "aria-label": `Page of ${what}`, onchange: () => turn(number.valueAsNumber - 1 || 0) });
  const of = el("span");

  function sortBy(column) {
    state.falling = state.by === column ? !state.falling : Boolean(column.number);
    state.by = column;
    refresh();
  }

  function refresh() {
    state.words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    state.kept = rows.filter((row) => keeps(row) && (!state.words.length || state.words.every((word) => haystack(row).includes(word))));
    if (state.by) {
      const { value, number: numeric } = state.by;
      const sign = state.falling ? -1 : 1;
      const order = numeric ? (a, b) => value(a) - value(b) : (a, b) => (value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : 0);
      state.kept.sort((a, b) => sign * order(a, b) || a - b);
    }
    columns.forEach((column, i) => {
      if (state.by === column) heads[i].setAttribute("aria-sort", state.falling ? "descending" : "ascending");
      else heads[i].removeAttribute("aria-sort");
    });
    turn(0);
  }

  function turn(page) {
    const last = Math.max(0, Math.ceil(state.kept.length / size) - 1);
    state.page = Math.min(Math.max(0, page), last);
    const start = state.page * size;
    body.replaceChildren(...state.kept.slice(start, start + size).flatMap(line));
    if (!state.kept.length) body.append(el("tr", {}, el("td", { class: "none", colspan: columns.length }, `No ${what} here: take a filter or a word away.`)));
    told.textContent = state.kept.length ? `${whole(start + 1)} to ${whole(Math.min(start + size, state.kept.length))} of ${plural(state.kept.length, what.slice(0, -1), what)}` : `0 ${what}`;
    back.disabled = state.page === 0;
    on.disabled = state.page === last;
    number.value = state.page + 1;
    number.max = last + 1;
    of.textContent = `of ${whole(last + 1)}`;
  }

  function line(row) {
    const opened = detail && el("tr", { class: "detail", hidden: true }, el("td", { colspan: columns.length }));
    const cells = columns.map((column, i) => {
      if (i || !detail) return el("td", { class: column.number ? `number ${column.name}` : column.name, "data-title": column.title }, column.cell(row));
      const button = el("button", {
        type: "button", class: "open", "aria-expanded": "false",
        onclick: () => {
          opened.hidden = !opened.hidden;
          button.setAttribute("aria-expanded", String(!opened.hidden));
          if (!opened.hidden && !opened.firstChild.firstChild) opened.firstChild.append(detail(row));
        },
      }, el("span", { class: "sign", "aria-hidden": "true" }), column.cell(row));
      return el("td", { class: column.name }, button);
    });
    const shown = el("tr", { class: "row" }, cells);
    return opened ? [shown, opened] : [shown];
  }

  let waiting;
  search.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(refresh, 120); });
  place.append(
    el("div", { class: "controls" }, el("span", { class: "field" }, el("label", { for: search.id }, searches), search), filters || []),
    told,
    el("table", { class: "rows" }, el("caption", { class: "hidden" }, what), el("thead", {}, el("tr", {}, heads)), body),
    el("div", { class: "pager" }, back, el("span", {}, "Page ", number, " ", of), on),
  );
  refresh();
  return { refresh };
}

/** Buttons of which one is pressed. */
function choice(label, options, chosen, change) {
  const buttons = options.map(([value, text]) => el("button", {
    type: "button", "aria-pressed": String(value === chosen),
    onclick: (event) => {
      buttons.forEach((button) => button.setAttribute("aria-pressed", String(button === event.currentTarget)));
      change(value);
    },
  }, text));
  return el("div", { class: "choice", role: "group", "aria-label": label }, buttons);
}
