/* Numbers for people. */
const whole = new Intl.NumberFormat("en", {maximumFractionDigits: 0});
function number(value, digits = 4) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "none";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e6)) return value.toExponential(2).replace("e+", "e").replace("-", "\u2212");
  return new Intl.NumberFormat("en", {maximumSignificantDigits: digits}).format(value).replace("-", "\u2212");
}

/* Elements; text only ever enters as text. */
function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith("--")) made.style.setProperty(key, value);
    else if (key in made) made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

/* Charts. Colors come from the style sheet, so that they follow the scheme. */
const color = name => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/* The nearest point of every curve, although the curves need not have the same steps. */
Chart.Interaction.modes.nearestOfEach = (chart, event) => {
  const step = chart.scales.x.getValueForPixel(event.x);
  return chart.getSortedVisibleDatasetMetas().reverse().filter(meta => !chart.data.datasets[meta.index].mute).flatMap(meta => {
    const points = chart.data.datasets[meta.index].data;
    if (points.length === 0) return [];
    let low = 0, high = points.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (points[middle].x < step) low = middle + 1; else high = middle;
    }
    if (low > 0 && step - points[low - 1].x < points[low].x - step) --low;
    return [{element: meta.data[low], datasetIndex: meta.index, index: low}];
  });
};

/* An upright line where a run stops, and one below the pointer. */
const marksOf = mark => ({
  id: "marks",
  afterDatasetsDraw(chart) {
    const {ctx, chartArea: area, scales: {x}} = chart;
    ctx.save();
    const hovered = chart.getActiveElements();
    if (hovered.length > 0) {
      ctx.strokeStyle = color("line"); ctx.lineWidth = 1;
      ctx.beginPath(); ctx.moveTo(hovered[0].element.x, area.top); ctx.lineTo(hovered[0].element.x, area.bottom); ctx.stroke();
    }
    if (mark) {
      const at = Math.round(x.getPixelForValue(mark.step)) + 0.5;
      ctx.strokeStyle = ctx.fillStyle = color("stop"); ctx.lineWidth = 1.25; ctx.setLineDash(mark.isForecast ? [2, 3] : []);
      ctx.beginPath(); ctx.moveTo(at, area.top - 4); ctx.lineTo(at, area.bottom); ctx.stroke();
      ctx.font = `600 12px ${getComputedStyle(document.body).fontFamily}`;
      ctx.textBaseline = "bottom";
      const text = mark.text, width = ctx.measureText(text).width;
      ctx.textAlign = at + width / 2 > area.right ? "right" : at - width / 2 < area.left ? "left" : "center";
      ctx.fillText(text, ctx.textAlign === "right" ? Math.max(at, area.right) : ctx.textAlign === "left" ? Math.min(at, area.left) : at, area.top - 6);
    }
    ctx.restore();
  }
});

/* One width for all vertical scales, so that the steps of all charts stand above each other. */
const axisWidth = () => innerWidth < 600 ? 62 : 76;

function axis(position, name, shade, extra = {}) {
  return {
    position, border: {display: false}, ...extra,
    title: {display: true, text: name, color: color(shade), font: {size: 12, weight: "600"}},
    grid: {color: color("line"), drawOnChartArea: position === "left", drawBorder: false, drawTicks: false},
    ticks: {color: color(shade), padding: 8, maxTicksLimit: 6, font: {size: 12}},
    afterFit: scale => { scale.width = axisWidth(); }
  };
}
function line(series, name, shade, width, extra = {}) {
  return {
    label: name, data: series.points.map(([x, y]) => ({x, y})), borderColor: color(shade), backgroundColor: color(shade),
    borderWidth: width, borderJoinStyle: "round", pointRadius: series.points.length === 1 ? 3 : 0, pointHoverRadius: 4, ...extra
  };
}
/* Thinner where points crowd, so that noise stays a texture instead of a wall. */
const noisy = series => series.points.length > 1500 ? 0.4 : 0.8;

/* Draws curves over the steps `first` to `last`, with an upright line at `mark.step` where there is a mark. */
function draw(canvas, {datasets, axes, steps, mark = null}) {
  const pad = axes.right ? 0 : axisWidth();
  const at = mark ? mark.step : steps.first;
  Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  return new Chart(canvas, {
    type: "line", data: {datasets}, plugins: [marksOf(mark)],
    options: {
      animation: false, locale: "en", parsing: false, normalized: true, responsive: true, maintainAspectRatio: false,
      layout: {padding: {top: mark ? 24 : 8, right: pad}},
      interaction: {mode: "nearestOfEach", intersect: false},
      scales: {
        x: {type: "linear", min: Math.min(steps.first, at), max: Math.max(steps.last, steps.first + 1, at),
            title: {display: true, text: "step", color: color("muted"), font: {size: 12}},
            grid: {display: false, drawBorder: true, borderColor: color("line")},
            ticks: {color: color("muted"), maxRotation: 0, autoSkipPadding: 24, font: {size: 12}, callback: value => Number.isInteger(value) ? whole.format(value) : ""}},
        ...axes
      },
      plugins: {
        legend: {display: false},
        tooltip: {
          backgroundColor: color("surface"), titleColor: color("ink"), bodyColor: color("ink"), borderColor: color("line"),
          borderWidth: 1, padding: 10, boxWidth: 10, boxHeight: 3, boxPadding: 6, titleFont: {size: 13}, bodyFont: {size: 13},
          callbacks: {
            title: items => items.length > 0 ? `Step ${whole.format(items[0].parsed.x)}` : "",
            label: item => ` ${item.dataset.label} ${number(item.parsed.y, 5)}`
          }
        }
      }
    }
  });
}

/* A canvas with a title, the names of its curves and a sentence. */
function chartFigure(title, height, legend, caption) {
  const canvas = element("canvas", {role: "img", "aria-label": `${title}. ${caption}`});
  const list = element("ul", {className: "legend"});
  for (const [name, shade, dashed] of legend) list.append(element("li", {textContent: name, className: dashed ? "dashed" : "", "--color": `var(--${shade})`}));
  const figure = element("figure", {className: "chart"}, element("h3", {textContent: title}), list,
    element("div", {className: "plot", "--height": `${height}px`}, canvas), element("figcaption", {textContent: caption}));
  return {figure, canvas};
}

/* The curve of the number that a rule judges by, and its bound across all steps. */
function judgedCurves(series, title, stops, bound, steps) {
  const ends = [steps.first, Math.max(steps.last, steps.first + 1)].map(x => [x, bound]);
  return {
    datasets: [line(series, title, "ratio", 2, {yAxisID: "left"}),
               line({points: ends}, `stops ${stops}`, "threshold", 1.5, {yAxisID: "left", borderDash: [6, 5], mute: true})],
    axes: {left: axis("left", title, "muted", {beginAtZero: true})}
  };
}
