// Copies and builds the browser assets that the lockfile pins into the package's static folder.
// Run by `npm run build`; everything written here is ignored by git and can be made again.
import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const modules = join(root, "node_modules");
const vendor = join(root, "src/gridtill/web/static/vendor");
const sprite = join(root, "src/gridtill/web/static/app/icons.svg");

const COPIED = {
  "tabler.min.css": "@tabler/core/dist/css/tabler.min.css",
  "tabler.rtl.min.css": "@tabler/core/dist/css/tabler.rtl.min.css",
  "tabler.min.js": "@tabler/core/dist/js/tabler.min.js",
  "htmx.min.js": "htmx.org/dist/htmx.min.js",
  "inter-latin.woff2": "@fontsource-variable/inter/files/inter-latin-wght-normal.woff2",
  "inter-latin-ext.woff2": "@fontsource-variable/inter/files/inter-latin-ext-wght-normal.woff2",
};

const ICONS = `
  activity address-book adjustments alert-circle alert-triangle antenna-bars-5 arrow-back-up arrow-down arrow-left
  arrow-right arrow-up arrows-left-right arrows-sort ban bell bell-off bolt bookmark briefcase building building-bank
  building-broadcast-tower building-community building-factory-2 building-store calculator calendar calendar-event cards
  cash cash-banknote cash-register chart-bar check checkbox checks chevron-down chevron-left chevron-right chevron-up
  circle-check circle-x circuit-voltmeter clipboard-list clock coin coins columns-3 contract copy cpu credit-card
  database device-desktop-analytics device-floppy device-mobile dots-vertical download edit external-link eye eye-off
  file-certificate file-check file-export file-import file-invoice file-spreadsheet file-text file-type-pdf filter
  filter-off gauge hash help hierarchy-2 history home hourglass id info-circle key keyboard language layout-dashboard
  layout-sidebar link list list-check list-details loader-2 lock lock-open login logout mail map map-pin menu-2 message
  meter-cube minus moneybag moon network news nfc note notes package password pencil percentage phone pin pinned
  player-pause player-play plug plug-connected plug-connected-x plus point-filled printer qrcode receipt receipt-2
  receipt-refund receipt-tax refresh replace report report-analytics report-money rotate-clockwise route scale scan
  search send server settings shield shield-check shield-lock speakerphone stack-2 star sum sun switch-horizontal
  table table-export table-import tag tax timeline tool topology-star-3 transaction-dollar transfer transform trash
  trending-down trending-up truck-delivery upload user user-check user-circle user-cog user-minus user-off user-plus
  user-search users users-group versions wallet wifi wifi-off world writing x zoom-money`.trim().split(/\s+/);

async function copyVendored() {
  for (const [name, source] of Object.entries(COPIED)) {
    const from = join(modules, source);
    const to = join(vendor, name);
    if (!/\.(css|js)$/.test(name)) {
      await copyFile(from, to);
      continue;
    }
    // Hashed storage follows source map comments and fails on the maps, which are not shipped.
    const text = await readFile(from, "utf8");
    await writeFile(to, text.replace(/^\s*(\/\/[#@]|\/\*[#@])\s*sourceMappingURL=.*$/gm, ""));
  }
}

async function symbol(name) {
  for (const [folder, paint] of [
    ["outline", 'fill="none" stroke="currentColor" stroke-width="1.75"'],
    ["filled", 'fill="currentColor" stroke="none"'],
  ]) {
    const file = join(modules, "@tabler/icons/icons", folder, `${name.replace(/-filled$/, "")}.svg`);
    const svg = await readFile(file, "utf8").catch(() => null);
    if (svg === null || (folder === "outline" && name.endsWith("-filled"))) continue;
    const body = svg
      .match(/<svg[^>]*>(.*)<\/svg>/s)[1]
      .replace(/<path stroke="none" d="M0 0h24v24H0z" fill="none"\s*\/>/, "")
      .replace(/\s*\n\s*/g, " ")
      .trim();
    return `<symbol id="${name}" viewBox="0 0 24 24" ${paint} stroke-linecap="round" stroke-linejoin="round">${body}</symbol>`;
  }
  return null;
}

async function writeSprite() {
  const symbols = await Promise.all([...new Set(ICONS)].sort().map(async (name) => [name, await symbol(name)]));
  const missing = symbols.filter(([, svg]) => svg === null).map(([name]) => name);
  if (missing.length) throw new Error(`No such icons: ${missing.join(", ")}`);
  const lines = symbols.map(([, svg]) => svg).join("\n");
  await writeFile(sprite, `<svg xmlns="http://www.w3.org/2000/svg">\n${lines}\n</svg>\n`);
}

const CHARTS = `
  import { init, use, getInstanceByDom } from "echarts/core";
  import { BarChart, LineChart, PieChart } from "echarts/charts";
  import { GridComponent, LegendComponent, TooltipComponent } from "echarts/components";
  import { SVGRenderer } from "echarts/renderers";
  use([BarChart, LineChart, PieChart, GridComponent, LegendComponent, TooltipComponent, SVGRenderer]);
  export { init, getInstanceByDom };
`;

async function buildCharts() {
  await build({
    stdin: { contents: CHARTS, resolveDir: root },
    bundle: true,
    minify: true,
    format: "iife",
    globalName: "echarts",
    legalComments: "inline",
    logLevel: "warning",
    outfile: join(vendor, "echarts.min.js"),
  });
}

await rm(vendor, { recursive: true, force: true });
await mkdir(vendor, { recursive: true });
await mkdir(dirname(sprite), { recursive: true });
await Promise.all([copyVendored(), writeSprite(), buildCharts()]);
console.log(`Browser assets built: ${Object.keys(COPIED).length + 1} files and ${new Set(ICONS).size} icons.`);
