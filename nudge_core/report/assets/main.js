(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const at = (id) => document.getElementById(id);
  for (const section of document.querySelectorAll("main > section")) {
    at("contents").append(el("li", {}, el("a", { href: `#${section.id}` }, section.querySelector("h2").textContent)));
  }
  if (data.lines) beforeAfter(at("before-after"), data.lines);
  curveChart(at("curve-chart"), data.curve);
  movesChart(at("moves-chart"), data.moves);
  documentList(at("documents"), data.moves, data.documents);
  questionList(at("question-list"), data.questions, data.documents);
  const said = [];
  if (data.questions) {
    const { count, text, found, top } = data.questions;
    said.push(`This file lists ${whole(text.length)} of ${plural(count, "question", "questions")} and the first ${top} results of ${whole(found.length)}, those that changed most.`);
  }
  said.push(`This file holds the texts of ${plural(Object.keys(data.documents.text).length, "document", "documents")}, up to ${whole(data.documents.longest)} characters each.`);
  at("limits").textContent = said.join(" ");
  performance.mark("ready");
  document.documentElement.dataset.ready = "";
})();
