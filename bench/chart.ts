/**
 * Horizontal bar charts as SVG.
 */

/** One bar. */
export interface Bar {
  readonly label: string;
  readonly value: number;
  /** What stands at the end of the bar. */
  readonly text: string;
  /** Bars of Weft are set off from those of others. */
  readonly ours: boolean;
}

/** Bars over one axis. */
export interface Panel {
  readonly title: string;
  /** What the axis says, with its unit. */
  readonly axis: string;
  readonly bars: ReadonlyArray<Bar>;
  /** Bars of a logarithmic axis start at 1. */
  readonly logarithmic?: boolean;
  /** A line across all bars. */
  readonly mark?: { readonly value: number; readonly label: string };
}

/** A chart: panels one below the other. */
export interface Chart {
  readonly title: string;
  readonly panels: ReadonlyArray<Panel>;
  /** Small lines below. */
  readonly caption: ReadonlyArray<string>;
}

const WIDTH = 920;
const LEFT = 300;
const RIGHT = 110;
const ROW = 26;
const colours = {
  ours: '#1f6f8b',
  other: '#b4bcc4',
  text: '#222222',
  faint: '#6b7280',
  grid: '#e3e6ea',
  mark: '#b3412e',
};

const escape = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

const round = (x: number): string => String(Math.round(x * 10) / 10);

interface Style {
  readonly anchor?: 'start' | 'middle' | 'end';
  readonly size?: number;
  readonly colour?: string;
  readonly bold?: boolean;
  /** A white rim, to be readable on lines. */
  readonly halo?: boolean;
}

const text = (x: number, y: number, content: string, style: Style = {}): string => {
  const { anchor = 'start', size = 13, colour = colours.text, bold = false, halo = false } = style;
  const weight = bold ? ' font-weight="600"' : '';
  const rim = halo ? ' paint-order="stroke" stroke="#ffffff" stroke-width="4"' : '';
  return `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}" font-size="${size}" fill="${colour}"${weight}${rim}>${escape(content)}</text>`;
};

const vertical = (x: number, top: number, bottom: number, colour: string, more = ''): string =>
  `<line x1="${round(x)}" x2="${round(x)}" y1="${round(top)}" y2="${round(bottom)}" stroke="${colour}"${more}/>`;

/** Round numbers from 0 to at least `max`: steps of 1, 2 or 5 times a power of ten, four to eight of them. */
const linearTicks = (max: number): ReadonlyArray<number> => {
  const power = 10 ** Math.floor(Math.log10(max));
  const step = ([0.2, 0.5, 1, 2] as const).map((k) => k * power).find((s) => max / s <= 8) ?? power;
  return Array.from({ length: Math.ceil(max / step) + 1 }, (_, i) => Number((i * step).toPrecision(6)));
};

/** The largest of 1, 2 and 5 times a power of ten that is not above x. */
const roundDown = (x: number): number => {
  const power = 10 ** Math.floor(Math.log10(x));
  return Number((power * ((x >= 5 * power ? 5 : x >= 2 * power ? 2 : 1) as number)).toPrecision(1));
};

const roundUp = (x: number): number => Number((1 / roundDown(1 / x)).toPrecision(1));

/** Powers of ten inside of the bounds, and the bounds. */
const logTicks = (values: ReadonlyArray<number>): ReadonlyArray<number> => {
  const [low, high] = [roundDown(Math.min(0.5, ...values)), roundUp(Math.max(2, ...values))];
  const inside = Array.from({ length: 13 }, (_, i) => Number((10 ** (i - 6)).toPrecision(1)));
  return [low, ...inside.filter((t) => t > low && t < high), high];
};

interface Axis {
  readonly ticks: ReadonlyArray<number>;
  readonly origin: number;
  readonly at: (value: number) => number;
}

const axisOf = ({ bars, mark, logarithmic = false }: Panel): Axis => {
  const values = [...bars.map((b) => b.value), ...(mark === undefined ? [] : [mark.value])];
  const ticks = logarithmic ? logTicks(values) : linearTicks(Math.max(...values));
  const scale = logarithmic ? Math.log10 : (v: number): number => v;
  const [low, high] = [scale(ticks[0] as number), scale(ticks.at(-1) as number)];
  const at = (v: number): number => LEFT + ((WIDTH - LEFT - RIGHT) * (scale(v) - low)) / (high - low);
  return { ticks, origin: at(logarithmic ? 1 : 0), at };
};

const bar = ({ origin, at }: Axis, b: Bar, y: number): string => {
  const [from, to] = [Math.min(origin, at(b.value)), Math.max(origin, at(b.value))];
  const fill = b.ours ? colours.ours : colours.other;
  return [
    text(LEFT - 10, y + 16, b.label, { anchor: 'end' }),
    `<rect x="${round(from)}" y="${round(y + 3)}" width="${round(Math.max(1, to - from))}" height="${ROW - 8}" fill="${fill}"/>`,
    text(to + 6, y + 16, b.text, { size: 12, halo: true }),
  ].join('\n');
};

/** Room above the bars: the title, and below it the mark's label. */
const headHeight = ({ mark }: Panel): number => (mark === undefined ? 36 : 50);

const panelHeight = (panel: Panel): number => headHeight(panel) + panel.bars.length * ROW + 52;

const draw = (panel: Panel, top: number): string => {
  const axis = axisOf(panel);
  const first = top + headHeight(panel);
  const last = first + panel.bars.length * ROW;
  const { mark } = panel;
  return [
    text(24, top + 18, panel.title, { size: 14, bold: true }),
    ...axis.ticks.map((t) => vertical(axis.at(t), first, last, colours.grid)),
    ...axis.ticks.map((t) =>
      text(axis.at(t), last + 16, String(t), { anchor: 'middle', size: 11, colour: colours.faint }),
    ),
    text((LEFT + WIDTH - RIGHT) / 2, last + 33, panel.axis, { anchor: 'middle', size: 12, colour: colours.faint }),
    ...(mark === undefined
      ? []
      : [
          vertical(axis.at(mark.value), first - 6, last, colours.mark, ' stroke-dasharray="4 3"'),
          text(axis.at(mark.value), first - 10, mark.label, { anchor: 'middle', size: 11, colour: colours.mark }),
        ]),
    ...panel.bars.map((b, i) => bar(axis, b, first + i * ROW)),
    vertical(axis.origin, first, last, colours.faint),
  ].join('\n');
};

/** A chart as a whole SVG document, with a white background and no outside references. */
export const svgOf = ({ title, panels, caption }: Chart): string => {
  const tops = panels.map((_, i) => 52 + panels.slice(0, i).reduce((h, p) => h + panelHeight(p), 0));
  const end = 52 + panels.reduce((h, p) => h + panelHeight(p), 0);
  const height = end + caption.length * 16 + 12;
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, 'DejaVu Sans', sans-serif">`,
    `<title>${escape(title)}</title>`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    text(24, 34, title, { size: 18, bold: true }),
    ...panels.map((p, i) => draw(p, tops[i] as number)),
    ...caption.map((line, i) => text(24, end + 12 + i * 16, line, { size: 11, colour: colours.faint })),
    '</svg>',
  ].join('\n')}\n`;
};
