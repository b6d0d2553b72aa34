// Pictures are drawn anew for the width that they have, so that their letters keep their size.

function chart(place, height, label, draw) {
  if (!place) return;
  let drawn = 0;
  const again = () => {
    const width = Math.floor(place.clientWidth);
    if (!width || width === drawn) return;
    drawn = width;
    const picture = svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label });
    draw(picture, width, height);
    place.replaceChildren(picture);
  };
  new ResizeObserver(again).observe(place);
  again();
}

/** Round numbers from low to high, about as many as asked for. */
function ticks(low, high, count) {
  const rough = (high - low) / count || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((each) => each >= rough * 0.999);
  const found = [];
  for (let tick = Math.ceil(low / step - 1e-9) * step; tick <= high + step * 1e-9; tick += step) found.push(+tick.toPrecision(12));
  return found;
}

const says = (text) => svg("title", {}, text);

function beforeAfter(place, lines) {
  if (!place) return;
  const subsets = [...new Set(lines.map((line) => line.subset))];
  const top = Math.min(100, Math.max(...lines.map((line) => 100 * Math.max(line.before, line.after, line.before + line.high)), 1));
  const shown = subsets.length > 2 ? subsets : subsets.slice(0, 1);
  for (const subset of shown) {
    const own = lines.filter((line) => line.subset === subset);
    const box = el("div", { class: "chart" });
    place.append(el("figure", {}, el("figcaption", {}, `${subset}: ${plural(own[0].questions, "question", "questions")}`), box));
    const label = own.map((line) => `${line.measure} ${(100 * line.before).toFixed(1)} to ${(100 * line.after).toFixed(1)}`).join(", ");
    chart(box, own.length * 46 + 24, `${subset} questions: ${label}`, (picture, width) => {
      const left = 82;
      const x = (points) => left + (points / top) * (width - left - 46);
      for (const tick of ticks(0, top, 3)) {
        picture.append(
          svg("line", { class: "grid", x1: x(tick), x2: x(tick), y1: 0, y2: own.length * 46 }),
          svg("text", { class: "tick", x: x(tick), y: own.length * 46 + 16, "text-anchor": "middle" }, String(tick)),
        );
      }
      own.forEach((line, i) => {
        const [before, after] = [100 * line.before, 100 * line.after];
        const [low, high] = [before + 100 * line.low, before + 100 * line.high].map((end) => x(Math.min(Math.max(end, 0), top)));
        const y = i * 46 + 5;
        picture.append(
          svg("text", { class: "name", x: left - 8, y: y + 22, "text-anchor": "end" }, line.measure),
          svg("rect", { class: "bar before", x: left, y, width: x(before) - left, height: 14, rx: 2 }, says(`before ${before.toFixed(2)}`)),
          svg("rect", { class: "bar after", x: left, y: y + 17, width: x(after) - left, height: 17, rx: 2 }, says(`after ${after.toFixed(2)}`)),
          svg("path", { class: "whisker", d: `M${low} ${y + 25.5}H${high}M${low} ${y + 21.5}v8M${high} ${y + 21.5}v8` }),
          svg("text", { class: "tick", x: x(before) + 5, y: y + 11 }, before.toFixed(1)),
          svg("text", { class: "value", x: Math.max(high, x(after)) + 6, y: y + 30 }, after.toFixed(1)),
        );
      });
    });
  }
  place.after(el("p", { class: "legend" },
    el("span", { class: "key before" }), " before ", el("span", { class: "key after" }), " after, with the interval of the change"));
}

function curveChart(place, curve) {
  if (!place || !curve) return;
  const best = curve.y[curve.x.reduce((near, each, i) => Math.abs(each - curve.chosen) < Math.abs(curve.x[near] - curve.chosen) ? i : near, 0)];
  const label = `${curve.measure} over ${curve.axis}: ${curve.y[0].toFixed(1)} without moves, ${best.toFixed(1)} at the point chosen, ${+curve.chosen.toPrecision(4)}`;
  chart(place, 280, label, (picture, width, height) => {
    const [left, right, top, bottom] = [48, 16, 42, 44];
    let [low, high] = [Math.min(...curve.y), Math.max(...curve.y)];
    const space = Math.max((high - low) * 0.12, 0.5);
    low = Math.max(0, low - space); high = Math.min(100, high + space);
    const [first, last] = [curve.x[0], curve.x[curve.x.length - 1]];
    const x = (value) => left + ((value - first) / (last - first || 1)) * (width - left - right);
    const y = (value) => height - bottom - ((value - low) / (high - low || 1)) * (height - top - bottom);
    for (const tick of ticks(low, high, 4)) {
      picture.append(svg("line", { class: "grid", x1: left, x2: width - right, y1: y(tick), y2: y(tick) }),
        svg("text", { class: "tick", x: left - 8, y: y(tick) + 4, "text-anchor": "end" }, String(tick)));
    }
    for (const tick of ticks(first, last, width < 500 ? 4 : 8)) {
      picture.append(svg("text", { class: "tick", x: x(tick), y: height - bottom + 18, "text-anchor": "middle" }, String(tick)));
    }
    const few = curve.x.length <= 60;
    const at = Math.min(Math.max(x(curve.chosen), left), width - right);
    const anchor = at > width - 160 ? "end" : "start";
    picture.append(
      svg("line", { class: "base", x1: left, x2: width - right, y1: y(curve.y[0]), y2: y(curve.y[0]) }),
      svg("polyline", { class: "line", points: curve.x.map((each, i) => `${x(each)},${y(curve.y[i])}`).join(" ") }),
      ...(few ? curve.x.map((each, i) => svg("circle", { class: "point", cx: x(each), cy: y(curve.y[i]), r: 2.5 }, says(`${each}: ${curve.y[i].toFixed(2)}`))) : []),
      svg("line", { class: "chosen", x1: at, x2: at, y1: top - 4, y2: height - bottom }),
      svg("circle", { class: "best", cx: at, cy: y(best), r: 6 }),
      svg("text", { class: "value", x: at + (anchor === "end" ? -8 : 8), y: top - 8, "text-anchor": anchor }, `chosen: ${+curve.chosen.toPrecision(4)}, ${best.toFixed(1)}`),
      svg("text", { class: "tick", x: width - right, y: y(curve.y[0]) + 14, "text-anchor": "end" }, `without moves ${curve.y[0].toFixed(1)}`),
      svg("text", { class: "name", x: (left + width - right) / 2, y: height - 6, "text-anchor": "middle" }, curve.axis),
      svg("text", { class: "name", x: 0, y: 12 }, curve.measure),
    );
  });
}

function movesChart(place, moves) {
  if (!place || !moves) return;
  const most = Math.max(...moves.counts);
  const label = `Histogram of angles of ${plural(moves.count, "document", "documents")}, from 0° to ${moves.edges[moves.edges.length - 1]}°`;
  chart(place, 220, label, (picture, width, height) => {
    const [left, right, top, bottom] = [52, 12, 20, 44];
    const last = moves.edges[moves.edges.length - 1];
    const x = (angle) => left + (angle / last) * (width - left - right);
    const y = (count) => height - bottom - (count / most) * (height - top - bottom);
    for (const tick of ticks(0, most, 3).filter(Number.isInteger)) {
      picture.append(svg("line", { class: "grid", x1: left, x2: width - right, y1: y(tick), y2: y(tick) }),
        svg("text", { class: "tick", x: left - 8, y: y(tick) + 4, "text-anchor": "end" }, whole(tick)));
    }
    for (const tick of ticks(0, last, width < 500 ? 4 : 8)) {
      picture.append(svg("text", { class: "tick", x: x(tick), y: height - bottom + 18, "text-anchor": "middle" }, `${tick}°`));
    }
    moves.counts.forEach((count, i) => {
      const [from, to] = [moves.edges[i], moves.edges[i + 1]];
      picture.append(svg("rect", { class: "bar after", x: x(from) + 0.5, y: y(count), width: Math.max(1, x(to) - x(from) - 1), height: height - bottom - y(count) },
        says(`${from}° to ${to}°: ${plural(count, "document", "documents")}`)));
    });
    picture.append(
      svg("text", { class: "name", x: (left + width - right) / 2, y: height - 6, "text-anchor": "middle" }, "turned by"),
      svg("text", { class: "name", x: 0, y: 12 }, "documents"),
    );
  });
}
