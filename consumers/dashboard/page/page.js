"use strict";
// Draws each view that the server sends. Texts are set as text only, never as markup.

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 240, HEIGHT = 60;
const SHOWN_MESSAGES = 100;
let view = null;

const at = (id) => document.getElementById(id);
const percent = (share) => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
const clock = (time) => new Date(time).toLocaleString([], {dateStyle: "short", timeStyle: "short"});

// A word of a shell's command line: nothing in it is expanded, whatever a producer calls its product.
const quoted = (word) => `'${word.replace(/[\u0000-\u001f\u007f-\u009f]/g, "?").replaceAll("'", `'\\''`)}'`;

function element(name, text, kind) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

function shape(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function replace(parent, children) {
  parent.replaceChildren(...children);
}

// Counts that a line can be drawn through: points without a result are left out.
function curve(product) {
  const points = product.curve.filter(([, n]) => n > 0);
  const highest = Math.max(0.2, product.expected ? product.expected[2] : 0, ...points.map(([, n, bad]) => bad / n));
  const first = product.curve[0][0], span = product.curve.at(-1)[0] - first;
  const x = (minute) => ((minute - first) / span * WIDTH).toFixed(1);
  const y = (share) => (HEIGHT - share / highest * HEIGHT).toFixed(1);
  const drawn = shape("svg", {viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": "the share in the last six hours, each point over an hour"});
  if (product.expected) {
    const [low, , high] = product.expected;
    drawn.append(shape("rect", {class: "band", x: 0, width: WIDTH, y: y(high), height: Math.max(1, y(low) - y(high))}));
  }
  drawn.append(shape("polyline", {points: points.map(([minute, n, bad]) => `${x(minute)},${y(bad / n)}`).join(" ")}));
  return drawn;
}

function productCard(product, alarming) {
  const card = element("article", undefined, alarming.has(product.name) ? "card alarm" : "card");
  card.append(element("h3", product.name));
  if (product.share) {
    const {value, low, high} = product.share;
    card.append(element("p", `${percent(value)} negative`, "share"));
    const before = product.share_before ? ` · hour before ${percent(product.share_before.value)}` : "";
    card.append(element("p", `${percent(low)} – ${percent(high)} of ${product.n}${before}`));
  } else {
    card.append(element("p", "no result in the last hour", "share"));
  }
  card.append(curve(product));
  const expected = product.expected ? `expected ${percent(product.expected[0])} – ${percent(product.expected[2])} · ` : "";
  card.append(element("p", expected + (product.verdict || "not known to the detector yet"), "how"));
  return card;
}

function episodeCard(alert) {
  const firing = alert.status === "firing";
  const card = element("article", undefined, firing ? "card alarm" : "card");
  card.append(element("h3", `${alert.segment}: ${firing ? alert.severity : "over"}`));
  card.append(element("p", alert.message));
  card.append(element("p", `since ${clock(alert.started_at)}`, "how"));
  if (alert.silenced) card.append(element("p", `silenced: ${alert.silenced}`, "how"));
  if (alert.drivers.length) card.append(element("p", `about: ${alert.drivers.join(", ")}`));
  const quotes = element("ul");
  for (const text of alert.exemplars) quotes.append(element("li", text));
  if (alert.exemplars.length) card.append(quotes);
  const why = element("p", "why: ", "how");
  why.append(element("code", `sentiment alerts explain ${quoted(alert.segment)}`));
  card.append(why);
  return card;
}

function messageRow(message) {
  const row = element("tr", undefined, message.label);
  row.append(element("td", clock(message.at)), element("td", message.product));
  row.append(element("td", `${message.label} ${percent(message.confidence)}`));
  const text = element("td", message.text || "(not published)");
  text.dir = "auto";
  row.append(text);
  return row;
}

function drawMessages() {
  if (!view) return;
  const product = at("by-product").value, label = at("by-label").value, text = at("by-text").value.toLowerCase();
  const wanted = view.messages.filter((each) =>
    (!product || each.product === product) && (!label || each.label === label) && each.text.toLowerCase().includes(text));
  replace(at("messages"), wanted.slice(0, SHOWN_MESSAGES).map(messageRow));
}

function drawProductFilter() {
  const select = at("by-product"), chosen = select.value;
  const names = view.products.map((each) => each.name).sort();
  if (names.join("\n") === [...select.options].slice(1).map((each) => each.value).join("\n")) return;
  replace(select, [new Option("all", ""), ...names.map((name) => new Option(name, name))]);
  select.value = names.includes(chosen) ? chosen : "";
}

function draw() {
  const alarming = new Set(view.episodes.filter((each) => each.status === "firing").map((each) => each.segment));
  const speed = `${view.per_minute.toFixed(1)} results a minute`;
  at("state").textContent = view.trouble || (view.clock ? `${speed} · latest ${clock(view.clock)}` : "no results yet");
  at("state").className = view.trouble ? "trouble" : "";
  replace(at("episodes"), view.episodes.length ? view.episodes.map(episodeCard) : [element("p", "no episodes")]);
  replace(at("products"), view.products.length ? view.products.map((each) => productCard(each, alarming)) : [element("p", "no results yet")]);
  drawProductFilter();
  drawMessages();
  const dead = Object.entries(view.dead_letters).map(([reason, n]) => `${reason} ${n}`);
  at("dead").textContent = dead.length ? dead.join(" · ") : "none";
}

for (const id of ["by-product", "by-label", "by-text"]) at(id).addEventListener("input", drawMessages);
const stream = new EventSource("views");
stream.onmessage = (event) => { view = JSON.parse(event.data); draw(); };
stream.onerror = () => {
  at("state").textContent = "The server does not answer. Trying again …";
  at("state").className = "trouble";
};
