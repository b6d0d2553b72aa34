// Documents: their texts, and a list of those that moved most.

function documentText(documents, number) {
  const text = documents.text[number];
  if (text === undefined) return el("p", { class: "cut" }, "The text of this document is not in this file.");
  const length = documents.length[number];
  const cut = length ? el("p", { class: "cut" }, `The first ${whole(documents.longest)} of ${whole(length)} characters.`) : null;
  return el("div", {}, foreign(text, { class: "foreign text" }), cut);
}

function documentList(place, moves, documents) {
  if (!place || !moves) return;
  const folded = [];
  const text = (row) => documents.text[moves.document[row]];
  listing(place, {
    what: "documents",
    size: 10,
    searches: "Search documents",
    rows: moves.document.map((_, row) => row),
    keeps: () => true,
    haystack: (row) => (folded[row] ??= `${documents.id[moves.document[row]]} ${text(row) || ""}`.toLowerCase()),
    columns: [
      {
        name: "document", title: "Document", value: (row) => documents.id[moves.document[row]].toLowerCase(),
        cell: (row) => [foreign(documents.id[moves.document[row]], { class: "foreign name" }), text(row) === undefined ? null : foreign(text(row).slice(0, 160), { class: "foreign excerpt" })],
      },
      { name: "angle", title: "Turned by", number: true, value: (row) => moves.angle[row], cell: (row) => `${moves.angle[row].toFixed(1)}°` },
    ],
    detail: (row) => documentText(documents, moves.document[row]),
  });
  if (moves.count > moves.document.length) place.append(el("p", { class: "cut" }, `Listed are the ${whole(moves.document.length)} that moved most, of ${whole(moves.count)}.`));
}
