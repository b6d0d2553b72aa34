// The questions, and for each what is found before and after.

function questionList(place, questions, documents) {
  if (!place || !questions) return;
  const { text, id, seen, measures, before, after, found, top } = questions;
  const rows = text.map((_, row) => row);
  const both = seen && seen.includes(0) && seen.includes(1);
  const folded = [];
  const chosen = { measure: 0, outcome: "all", subset: "all" };
  const change = (row) => after[chosen.measure][row] - before[chosen.measure][row];
  const outcome = (row) => (change(row) > 0 ? "better" : change(row) < 0 ? "worse" : "same");
  const inSubset = (row) => chosen.subset === "all" || Boolean(seen[row]) === (chosen.subset === "seen");
  let list;

  const outcomes = el("span", { class: "choices" });
  const subsets = el("span", { class: "choices" });
  const counted = () => {
    const counts = { all: 0, better: 0, same: 0, worse: 0 };
    for (const row of rows) if (inSubset(row)) { counts.all += 1; counts[outcome(row)] += 1; }
    outcomes.replaceChildren(choice("Which questions", Object.entries(counts).map(([name, count]) => [name, `${name} ${whole(count)}`]),
      chosen.outcome, (name) => { chosen.outcome = name; list.refresh(); }));
  };
  if (both) {
    subsets.append(choice("Seen or unseen", [["all", "seen and unseen"], ["seen", "seen"], ["unseen", "unseen"]], "all",
      (name) => { chosen.subset = name; counted(); list.refresh(); }));
  }
  const measure = el("select", {
    id: "measure",
    onchange: () => { chosen.measure = measure.selectedIndex; rows.sort((a, b) => Math.abs(change(b)) - Math.abs(change(a)) || a - b); counted(); list.refresh(); },
  }, measures.map((name) => el("option", {}, name)));
  counted();

  list = listing(place, {
    what: "questions",
    size: 25,
    searches: "Search questions",
    rows,
    filters: [el("span", { class: "field" }, el("label", { for: "measure" }, "Measure"), measure), outcomes, subsets],
    keeps: (row) => inSubset(row) && (chosen.outcome === "all" || outcome(row) === chosen.outcome),
    haystack: (row) => (folded[row] ??= `${text[row]} ${id ? id[row] : ""}`.toLowerCase()),
    columns: [
      { name: "question", title: "Question", value: (row) => text[row].toLowerCase(), cell: (row) => [foreign(text[row]), both ? el("span", { class: `badge ${seen[row] ? "seen" : "unseen"}` }, seen[row] ? "seen" : "unseen") : null] },
      { name: "before", title: "Before", number: true, value: (row) => before[chosen.measure][row], cell: (row) => score(before[chosen.measure][row]) },
      { name: "after", title: "After", number: true, value: (row) => after[chosen.measure][row], cell: (row) => score(after[chosen.measure][row]) },
      { name: "change", title: "Change", number: true, value: change, cell: (row) => el("span", { class: outcome(row) }, signed(change(row))) },
    ],
    detail: (row) => found[row]
      ? comparison(found[row], documents, id && id[row], top)
      : el("p", {}, "The results of this question are left out to keep the file small: only those of questions that changed most are in it."),
  });
}

/** What is found for one question: labelled documents with their ranks, then both lists side by side. */
function comparison([first, second, labelled], documents, name, top) {
  const answers = new Set(labelled);
  const place = (list, number) => (list.includes(number) ? list.indexOf(number) : list.length);
  const rank = (list, number) => (list.includes(number) ? `rank ${list.indexOf(number) + 1}` : `below ${list.length}`);
  const labels = labelled.map((number) => {
    const climbed = place(first, number) - place(second, number);
    const moved = [`${rank(first, number)} → ${rank(second, number)}`, climbed > 0 ? "rise" : climbed < 0 ? "fall" : ""];
    return el("li", {}, result(documents, number, false, moved));
  });
  const column = (title, list, other, note) => el("div", {},
    el("h3", {}, title),
    el("ol", { class: "results" }, list.map((number, i) => el("li", { class: answers.has(number) ? "answer" : null },
      result(documents, number, answers.has(number), note(i, other.indexOf(number)))))));
  const before = (i, there) => (there < 0 ? ["gone", "fall"] : there === i ? ["stays", ""] : [`→ ${there + 1}`, there < i ? "rise" : "fall"]);
  const after = (i, there) => (there < 0 ? ["new", "rise"] : there === i ? ["stays", ""] : [`was ${there + 1}`, there > i ? "rise" : "fall"]);
  return el("div", { class: "comparison" },
    name ? el("p", { class: "id" }, "Question ", foreign(name)) : null,
    labels.length ? el("div", { class: "labelled" }, el("h3", {}, labels.length === 1 ? "Its answer, by the labels" : "Its answers, by the labels"), el("ul", { class: "results" }, labels)) : null,
    el("div", { class: "sides" },
      column(`First ${Math.min(top, first.length)} before`, first, second, before),
      column(`First ${Math.min(top, second.length)} after`, second, first, after)));
}

/** One document found: a line, which opens to its text. */
function result(documents, number, answers, [moved, way]) {
  const text = documents.text[number];
  const head = [
    answers ? el("span", { class: "badge answer" }, "answer") : null,
    foreign(documents.id[number], { class: "foreign name" }),
    el("span", { class: `moved ${way}` }, moved),
  ];
  if (text === undefined) return el("div", { class: "bare" }, head);
  return el("details", {}, el("summary", {}, head, foreign(text.slice(0, 160), { class: "foreign excerpt" })), documentText(documents, number));
}
