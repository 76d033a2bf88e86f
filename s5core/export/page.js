"use strict";
// A network that reads drawn digits, in plain JavaScript: first a drawing becomes the 28x28 picture that
// the network has learned from, then its layers are computed one by one, then the page shows the answer.
// `network` is what Python wrote into this page: the layers with their weights, and how to prepare strokes.

const network = JSON.parse(document.getElementById("network").textContent);

// ---------------------------------------------------------------------------------------------------
// From strokes to a picture. A stroke is a list of points [x, y], as pen or finger went. MNIST's digits
// fill a box of 20x20, their centre of mass is in the middle of 28x28, and their pen is 2 pixels wide.
// The strokes are therefore drawn again in that size, which makes the drawing's own size unimportant.

const { side, box, pen, dot, fine, discs } = network.preparation;
const large = side * fine; // strokes are drawn this large and then shrunk, so that edges are soft

function prepare(strokes) {
  const xs = strokes.flat().map((point) => point[0]);
  const ys = strokes.flat().map((point) => point[1]);
  const low = [Math.min(...xs), Math.min(...ys)];
  const size = [Math.max(...xs) - low[0], Math.max(...ys) - low[1]];
  const scale = (box - pen) / Math.max(size[0], size[1], dot);
  const place = (point, shift) => [0, 1].map((i) => (point[i] - low[i]) * scale + shift[i]);
  const draw = (shift) => paint(strokes.map((stroke) => stroke.map((point) => place(point, shift))));

  const shift = size.map((length) => (side - length * scale) / 2);
  const centre = centreOfMass(draw(shift));
  return draw(shift.map((value, i) => value + side / 2 - centre[i]));
}

function centreOfMass(picture) {
  let mass = 0, x = 0, y = 0;
  picture.forEach((ink, i) => {
    mass += ink;
    x += ink * ((i % side) + 0.5);
    y += ink * (Math.floor(i / side) + 0.5);
  });
  return [x / mass, y / mass];
}

// Strokes in pixels of the small picture -> its 28 * 28 grey values, 0 to 255. The app draws with the
// Python library Pillow, which works in whole pixels. To get the same picture, so does this function.
function paint(strokes) {
  const ink = new Uint8Array(large * large);
  for (const stroke of strokes) {
    const points = stroke.map((point) => point.map((value) => value * fine));
    const whole = points.map((point) => point.map(Math.trunc));
    for (let i = 1; i < whole.length; i++) bar(ink, whole[i - 1], whole[i]);
    points.forEach((point) => disc(ink, point));
  }
  return shrink(ink);
}

// Ink in a row, from one column to another, both included.
function fill(ink, row, from, to) {
  if (row < 0 || row >= large) return;
  for (let x = Math.max(from, 0); x <= Math.min(to, large - 1); x++) ink[row * large + x] = 1;
}

// The round end of a pen. `discs` holds the rows of each disc that Pillow draws, by its width and height.
function disc(ink, [x, y]) {
  const radius = (pen * fine) / 2;
  const [left, top, right, bottom] = [x - radius, y - radius, x + radius, y + radius].map(Math.trunc);
  const rows = discs[`${right - left}x${bottom - top}`];
  rows.forEach(([from, to], row) => fill(ink, top + row, left + from, left + to));
}

// Halves go away from zero in the one, towards zero in the other.
const roundUp = (value) => Math.sign(value) * Math.floor(Math.abs(value) + 0.5);
const roundDown = (value) => Math.sign(value) * Math.ceil(Math.abs(value) - 0.5);

// A straight piece of a stroke: the rectangle around the line between two points.
function bar(ink, [x0, y0], [x1, y1]) {
  const [dx, dy] = [x1 - x0, y1 - y0];
  if (dx === 0 && dy === 0) return; // the disc covers it
  const half = (Math.round(pen * fine) - 1) / 2;
  const length = Math.hypot(dx, dy);
  const [above, below] = [roundUp(half) / length, roundDown(half) / length];
  const [left, right] = [roundDown(below * dy), roundDown(above * dy)];
  const [up, down] = [roundDown(below * dx), roundDown(above * dx)];
  polygon(ink, [
    [x0 - left, y0 + down],
    [x1 - left, y1 + down],
    [x1 + right, y1 - up],
    [x0 + right, y0 - up],
  ]);
}

// Fill a convex shape row by row, between its leftmost and its rightmost edge.
function polygon(ink, corners) {
  const edges = corners.map(([x, y], i) => {
    const [nextX, nextY] = corners[(i + 1) % corners.length];
    return { x, y, top: Math.min(y, nextY), bottom: Math.max(y, nextY), left: Math.min(x, nextX),
      right: Math.max(x, nextX), slope: y === nextY ? 0 : Math.fround((nextX - x) / (nextY - y)) };
  });
  const sloping = edges.filter((edge) => edge.top < edge.bottom);
  const at = (edge, row) => Math.fround(Math.fround((row - edge.y) * edge.slope) + edge.x);
  for (const edge of edges) if (edge.top === edge.bottom) fill(ink, edge.top, edge.left, edge.right);
  const ys = corners.map((corner) => corner[1]);
  for (let row = Math.min(...ys); row <= Math.max(...ys); row++) {
    const here = sloping.filter((edge) => edge.top <= row && row <= edge.bottom).map((edge) => at(edge, row));
    if (here.length) fill(ink, row, roundUp(Math.min(...here)), roundDown(Math.max(...here)));
  }
}

// The mean of each block of fine * fine pixels, first across, then down, each rounded to a grey value.
function shrink(ink) {
  const across = new Uint8Array(side * large);
  for (let i = 0; i < across.length; i++) {
    let sum = 0;
    for (let k = 0; k < fine; k++) sum += ink[i * fine + k];
    across[i] = Math.floor((255 * sum) / fine + 0.5);
  }
  const picture = new Uint8Array(side * side);
  for (let i = 0; i < picture.length; i++) {
    const [row, column] = [Math.floor(i / side), i % side];
    let sum = 0;
    for (let k = 0; k < fine; k++) sum += across[(row * fine + k) * side + column];
    picture[i] = Math.floor(sum / fine + 0.5);
  }
  return picture;
}

// ---------------------------------------------------------------------------------------------------
// The network. Feature maps are {maps, height, width, values}: one map after the other, row by row.

const layers = {
  // Slide kernels over the maps: each cell of a new map is a weighted sum of a small square of the old
  // ones. With groups, a map reads only its own part of the old ones. Instead of one cell after the other,
  // one weight after the other is worked through, for all cells: a browser can do that many times faster.
  Conv(input, { channels, kernel, padding, stride, groups, weight, bias }) {
    const height = Math.floor((input.height + 2 * padding - kernel) / stride) + 1;
    const width = Math.floor((input.width + 2 * padding - kernel) / stride) + 1;
    const output = empty(channels, height, width);
    const read = input.maps / groups; // maps that each new one reads
    let next = 0; // of the weights, in the order: new map, old map, row, column
    for (let map = 0; map < channels; map++) {
      const sums = new Float64Array(height * width).fill(bias ? bias[map] : 0);
      const first = Math.floor(map / (channels / groups)) * read;
      for (let old = first; old < first + read; old++) {
        const cells = input.values.subarray(old * input.height * input.width);
        for (let down = 0; down < kernel; down++) {
          for (let right = 0; right < kernel; right++) {
            const place = { down: down - padding, right: right - padding, stride };
            addWeighted(sums, height, width, cells, input, weight[next++], place);
          }
        }
      }
      output.values.set(sums, map * height * width);
    }
    return output;
  },

  // After training, batch normalisation is one factor and one summand for each map.
  BatchNorm(input, { factor, summand }) {
    const cells = input.height * input.width;
    return change(input, (value, i) => {
      const map = Math.floor(i / cells);
      return value * factor[map] + summand[map];
    });
  },

  ReLU: (input) => change(input, (value) => Math.max(value, 0)),

  SiLU: (input) => change(input, (value) => value / (1 + Math.exp(-value))),

  // Dropout works in training only.
  Dropout: (input) => input,

  // The largest value of each block; what is left over at the edges is cut off.
  MaxPool(input, { size }) {
    const output = empty(input.maps, Math.floor(input.height / size), Math.floor(input.width / size));
    return fillCells(output, (map, y, x) => {
      let best = -Infinity;
      for (let down = 0; down < size; down++) {
        for (let right = 0; right < size; right++) {
          best = Math.max(best, cell(input, map, y * size + down, x * size + right));
        }
      }
      return best;
    });
  },

  // The middle of each map.
  Crop(input, { size }) {
    const margin = (input.height - size) / 2;
    return fillCells(empty(input.maps, size, size), (map, y, x) => cell(input, map, y + margin, x + margin));
  },

  // The mean of each map: a single cell.
  GlobalAvgPool(input) {
    const cells = input.height * input.width;
    return fillCells(empty(input.maps, 1, 1), (map) => {
      let sum = 0;
      for (let i = 0; i < cells; i++) sum += input.values[map * cells + i];
      return sum / cells;
    });
  },
};

// Add to each sum the cell that lies `down` and `right` of its place, times a weight. Outside are zeros.
function addWeighted(sums, height, width, cells, input, weight, { down, right, stride }) {
  const from = Math.max(0, Math.ceil(-right / stride));
  const to = Math.min(width, Math.floor((input.width - 1 - right) / stride) + 1);
  for (let y = 0; y < height; y++) {
    const row = y * stride + down;
    if (row < 0 || row >= input.height) continue;
    const place = row * input.width + right;
    for (let x = from; x < to; x++) sums[y * width + x] += weight * cells[place + x * stride];
  }
}

function empty(maps, height, width) {
  return { maps, height, width, values: new Float32Array(maps * height * width) };
}

function change(input, rule) {
  return { ...input, values: input.values.map(rule) };
}

function cell(input, map, y, x) {
  return input.values[(map * input.height + y) * input.width + x];
}

function fillCells(output, rule) {
  let i = 0;
  for (let map = 0; map < output.maps; map++) {
    for (let y = 0; y < output.height; y++) {
      for (let x = 0; x < output.width; x++) output.values[i++] = rule(map, y, x);
    }
  }
  return output;
}

// Weights are in the page as base64 of little-endian float32.
for (const layer of network.layers) {
  for (const name of ["weight", "bias", "factor", "summand"]) {
    if (!layer[name]) continue;
    const bytes = Uint8Array.from(atob(layer[name]), (letter) => letter.charCodeAt(0));
    layer[name] = new Float32Array(bytes.buffer);
  }
}

// A picture of 28 * 28 grey values -> the output of every layer, and ten probabilities.
function answer(picture) {
  let maps = empty(1, side, side);
  maps.values = Float32Array.from(picture, (ink) => (ink / 255 - network.mean) / network.deviation);
  const outputs = network.layers.map((layer) => (maps = layers[layer.kind](maps, layer)));
  return { outputs, probabilities: softmax(Array.from(maps.values, (logit) => logit / network.temperature)) };
}

function softmax(logits) {
  const highest = Math.max(...logits);
  const powers = logits.map((logit) => Math.exp(logit - highest));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
}

// What the tests call.
window.readStrokes = (strokes) => {
  const picture = prepare(strokes);
  return { picture: Array.from(picture), probabilities: answer(picture).probabilities };
};

// ---------------------------------------------------------------------------------------------------
// The page.

const paper = document.getElementById("paper");
const context = paper.getContext("2d");
const strokes = [];
let drawing = null; // the stroke that is being drawn, by the pointer or by keys
let cross = null; // place of the keyboard's pen; null while the pointer is in use

const MOST_MAPS = 64; // of a stage, that are shown

const bars = Array.from({ length: 10 }, (_, digit) => {
  const parts = ["name", "track", "share"].map((name) => {
    const part = document.createElement("div");
    part.className = name;
    document.getElementById("bars").append(part);
    return part;
  });
  const bar = document.createElement("div");
  bar.className = "bar";
  parts[0].textContent = digit;
  parts[1].append(bar);
  return { bar, share: parts[2], parts };
});

const stages = network.stages.map(({ title, layer }) => {
  const heading = document.createElement("h3");
  const maps = document.createElement("div");
  heading.textContent = title;
  maps.className = "maps";
  maps.setAttribute("role", "img");
  maps.setAttribute("aria-label", `Feature maps after: ${title}`);
  document.getElementById("stages").append(heading, maps);
  return { maps, layer };
});

function redraw() {
  context.clearRect(0, 0, paper.width, paper.height);
  context.lineWidth = 20;
  context.lineCap = context.lineJoin = "round";
  context.strokeStyle = "#fff";
  for (const stroke of strokes) {
    context.beginPath();
    context.moveTo(...stroke[0]);
    stroke.forEach((point) => context.lineTo(...point));
    context.stroke();
  }
  if (cross && document.activeElement === paper) {
    context.lineWidth = 3;
    context.strokeStyle = drawing ? "#d55e00" : "#e69f00";
    context.strokeRect(cross[0] - 7, cross[1] - 7, 14, 14);
  }
}

function show() {
  if (!strokes.length) return showNothing();
// A browser compiles what it has run a few times: the first answer shall be as fast as the others.
setTimeout(() => [1, 2, 3, 4].forEach(() => readStrokes([[[40, 40], [240, 240]]])), 50);
  const began = performance.now();
  const picture = prepare(strokes);
  const { outputs, probabilities } = answer(picture);
  const milliseconds = performance.now() - began;
  const best = probabilities.indexOf(Math.max(...probabilities));
  document.getElementById("digit").textContent = best;
  document.getElementById("time").textContent = `Prepared and read in ${milliseconds.toFixed(1)} ms.`;
  probabilities.forEach((share, digit) => {
    bars[digit].bar.style.width = `${100 * share}%`;
    bars[digit].share.textContent = inWords(share);
    bars[digit].parts.forEach((part) => part.classList.toggle("best", digit === best));
  });
  paintMap(document.getElementById("seen"), picture, side, side, 0, 255, grey);
  for (const { maps, layer } of stages) showMaps(maps, outputs[layer]);
}

// Rounding up to 100 % would say that there is no room for doubt.
function inWords(share) {
  return share > 0.999 ? "> 99.9 %" : share < 0.001 ? "< 0.1 %" : `${(100 * share).toFixed(1)} %`;
}

function showNothing() {
  document.getElementById("digit").textContent = "–";
  document.getElementById("time").textContent = "The network answers after every stroke.";
  document.getElementById("seen").getContext("2d").clearRect(0, 0, side, side);
  bars.forEach(({ bar, share, parts }) => {
    bar.style.width = share.textContent = "";
    parts.forEach((part) => part.classList.remove("best"));
  });
  stages.forEach(({ maps }) => maps.replaceChildren());
}

// The maps of one stage, all on one scale of colours.
function showMaps(place, { maps, height, width, values }) {
  const low = values.reduce((a, b) => Math.min(a, b));
  const high = values.reduce((a, b) => Math.max(a, b));
  const zoom = Math.max(2, Math.round(32 / width));
  for (let map = 0; map < Math.min(maps, MOST_MAPS); map++) {
    const canvas = place.children[map] ?? place.appendChild(document.createElement("canvas"));
    [canvas.width, canvas.height] = [width, height];
    [canvas.style.width, canvas.style.height] = [`${width * zoom}px`, `${height * zoom}px`];
    const own = values.subarray(map * height * width, (map + 1) * height * width);
    paintMap(canvas, own, height, width, low, high, viridis);
  }
}

function paintMap(canvas, values, height, width, low, high, colourOf) {
  const picture = new ImageData(width, height);
  values.forEach((value, i) => {
    const share = high > low ? (value - low) / (high - low) : 0;
    picture.data.set([...colourOf(share), 255], 4 * i);
  });
  canvas.getContext("2d").putImageData(picture, 0, 0);
}

const grey = (share) => [255 * share, 255 * share, 255 * share];

// Colours that colour-blind people can tell apart, blended from a few of them.
function viridis(share) {
  const place = share * (network.colours.length - 1);
  const before = network.colours[Math.floor(place)], after = network.colours[Math.ceil(place)];
  return before.map((value, i) => value + (after[i] - value) * (place % 1));
}

// A place on the paper, in its own pixels, whatever size the browser shows it in.
function placeOf(event) {
  const frame = paper.getBoundingClientRect();
  const [right, down] = [event.clientX - frame.left, event.clientY - frame.top];
  return [(right * paper.width) / frame.width, (down * paper.height) / frame.height];
}

paper.addEventListener("pointerdown", (event) => {
  if (event.button || drawing) return;
  paper.setPointerCapture(event.pointerId);
  cross = null;
  strokes.push((drawing = [placeOf(event)]));
  redraw();
});
paper.addEventListener("pointermove", (event) => {
  if (!drawing || cross) return;
  const places = event.getCoalescedEvents?.() ?? [];
  for (const each of places.length ? places : [event]) drawing.push(placeOf(each));
  redraw();
});
for (const end of ["pointerup", "pointercancel"]) {
  paper.addEventListener(end, () => {
    if (!drawing || cross) return;
    drawing = null;
    show();
  });
}

const middle = [paper.width / 2, paper.height / 2];
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
paper.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.key in MOVES) {
    const step = event.shiftKey ? 2 : 8;
    const moved = (cross ?? middle).map((value, i) => value + step * MOVES[event.key][i]);
    cross = moved.map((value) => Math.min(Math.max(value, 10), paper.width - 10));
    if (drawing) drawing.push(cross);
  } else if (event.key === " ") {
    cross ??= middle;
    if (drawing) {
      drawing = null;
      show();
    } else strokes.push((drawing = [cross]));
  } else if (event.key === "Backspace") undo();
  else if (event.key === "Delete") clear();
  else return;
  event.preventDefault();
  redraw();
});
paper.addEventListener("focus", redraw);
paper.addEventListener("blur", () => {
  if (drawing && cross) show();
  drawing = cross = null;
  redraw();
});

function undo() {
  drawing = null;
  strokes.pop();
  redraw();
  show();
}
function clear() {
  drawing = null;
  strokes.length = 0;
  redraw();
  show();
}
document.getElementById("undo").addEventListener("click", undo);
document.getElementById("clear").addEventListener("click", clear);
showNothing();
// A browser compiles what it has run a few times: the first answer shall be as fast as the others.
setTimeout(() => [1, 2, 3, 4].forEach(() => readStrokes([[[40, 40], [240, 240]]])), 50);
