// Elements are made of text only: nothing of the data is ever read as HTML.

const SVG = "http://www.w3.org/2000/svg";

function set(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  for (const child of (children || []).flat()) {
    if (child !== null && child !== undefined) element.append(child);
  }
  return element;
}

const el = (name, attributes, ...children) => set(document.createElement(name), attributes, children);
const svg = (name, attributes, ...children) => set(document.createElementNS(SVG, name), attributes, children);

/** Text of others: its direction stays its own. */
const foreign = (text, attributes) => el("bdi", { class: "foreign", ...attributes }, text);

const whole = (number) => number.toLocaleString("en");
const score = (points) => (points / 100).toFixed(1);
const signed = (points) => (points > 0 ? "+" : points < 0 ? "−" : "±") + (Math.abs(points) / 100).toFixed(1);
const plural = (count, one, more) => `${whole(count)} ${count === 1 ? one : more}`;
