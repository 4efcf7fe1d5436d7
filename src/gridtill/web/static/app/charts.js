// Draws [data-chart] elements with ECharts. The data is JSON in the attribute:
// {"x": [...], "unit": "", "unit2": "", "min": 0, "series": [{"name", "type": "bar"|"line"|"pie", "data", "y": 0|1, "area"}]}
// Colours come from the style sheet's variables, so charts follow the theme; time runs from the right in RTL.
import { $$, onHtmx } from "./ui.js";

const variable = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
// One way of writing numbers in the whole installation, whatever the language.
const full = new Intl.NumberFormat("en", { maximumFractionDigits: 2 });
const short = new Intl.NumberFormat("en", { notation: "compact" });

function palette() {
  return {
    colours: ["--c1", "--c2", "--c3", "--c4"].map(variable),
    ink: variable("--ink"),
    muted: variable("--mut"),
    line: variable("--line"),
    surface: variable("--surf"),
  };
}

function axis(index, data, look, rtl) {
  return {
    type: "value",
    min: index ? undefined : data.min,
    position: Boolean(index) !== rtl ? "right" : "left",
    name: index ? data.unit2 : data.unit,
    nameTextStyle: { color: look.muted, align: "center" },
    axisLabel: { color: look.muted, formatter: (value) => short.format(value) },
    splitLine: { show: !index, lineStyle: { color: look.line } },
  };
}

function line(series, index, bars, look) {
  return {
    name: series.name,
    type: series.type,
    data: series.data,
    yAxisIndex: series.y || 0,
    stack: series.type === "bar" ? "all" : undefined,
    barMaxWidth: 26,
    smooth: 0.3,
    symbol: "circle",
    symbolSize: 6,
    showSymbol: series.type === "line" && !series.area,
    lineStyle: { width: 2.5 },
    areaStyle: series.area ? { opacity: 0.12 } : undefined,
    itemStyle:
      series.type === "bar"
        ? { borderRadius: index === bars - 1 ? [5, 5, 0, 0] : 0 }
        : { borderWidth: 2, borderColor: look.surface },
  };
}

function options(data, look, rtl) {
  const common = {
    animationDuration: matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 350,
    color: look.colours,
    textStyle: { fontFamily: variable("--tblr-font-sans-serif") },
    legend: {
      top: 0,
      left: rtl ? undefined : 0,
      right: rtl ? 0 : undefined,
      icon: "roundRect",
      itemWidth: 12,
      itemHeight: 12,
      itemGap: 18,
      textStyle: { color: look.muted, fontSize: 12 },
    },
    tooltip: {
      // A tooltip in HTML would need inline styles.
      renderMode: "richText",
      trigger: "axis",
      backgroundColor: look.ink,
      borderWidth: 0,
      textStyle: { color: look.surface, fontSize: 12 },
      valueFormatter: (value) => full.format(value),
      axisPointer: { type: "shadow" },
    },
  };
  if (data.series[0]?.type === "pie") {
    const slices = data.x.map((name, index) => ({ name, value: data.series[0].data[index] }));
    return {
      ...common,
      tooltip: { ...common.tooltip, trigger: "item" },
      series: [{ type: "pie", radius: ["45%", "70%"], top: 30, data: slices, label: { color: look.muted } }],
    };
  }
  const bars = data.series.filter((series) => series.type === "bar").length;
  const two = data.series.some((series) => series.y === 1);
  return {
    ...common,
    grid: { left: 8, right: 8, top: 44, bottom: 4, containLabel: true },
    xAxis: {
      type: "category",
      inverse: rtl,
      data: data.x,
      axisTick: { show: false },
      axisLine: { lineStyle: { color: look.line } },
      axisLabel: { color: look.muted, hideOverlap: true },
    },
    yAxis: (two ? [0, 1] : [0]).map((index) => axis(index, data, look, rtl)),
    series: data.series.map((series, index) => line(series, index, bars, look)),
  };
}

function draw(element) {
  const data = JSON.parse(element.dataset.chart);
  echarts.getInstanceByDom(element)?.dispose();
  const chart = echarts.init(element, null, { renderer: "svg" });
  chart.setOption(options(data, palette(), document.documentElement.dir === "rtl"));
  new ResizeObserver(() => chart.resize()).observe(element);
}

const drawAll = (root = document) => $$("[data-chart]", root).forEach(draw);
drawAll();
document.addEventListener("themechange", () => drawAll());
onHtmx("afterSwap", (event) => drawAll(event.target));
