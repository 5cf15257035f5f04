// What both halves know, Python's and the browser's: names of classes and constants. Read in the
// sources, wherever they stand, because neither half can be imported by the other's tests.
import { readdirSync, readFileSync } from 'node:fs';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

import { AUTO_PERCENTILE, NICE } from './data/auto-limit';
import { LINES } from './data/histogram';
import { THRESHOLD } from './data/statistics';
import { DASHES } from './drawing/line-style';
import { LAST_LIMIT_INDEX, LAST_RANGE_INDEX } from './drawing/norms';
import { BREAKPOINT, MARGIN_RIGHT } from './drawing/page-layout';
import { LIGHT } from './drawing/theme';
import { KINDS } from './widgets/text';

function sourcesIn(folder: string, extension: string): string[] {
  const root = new URL(`../../${folder}/`, import.meta.url);
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(extension) && !name.endsWith('.test.ts'))
    .map((name) => readFileSync(new URL(name, root), 'utf8'));
}

const python = sourcesIn('rnngrad_widgets', '.py').join('\n');
const browser = sourcesIn('js/src', '.ts').join('\n');
const style = sourcesIn('js/style', '.css').join('\n');

/** What a group of a pattern matches in a text, each once. */
function found(text: string, pattern: RegExp): string[] {
  return [...new Set([...text.matchAll(pattern)].map((match) => match[1]))].sort();
}

/** What js/src/index.ts exports by name. */
function exported(): string[] {
  const text = readFileSync(new URL('index.ts', import.meta.url), 'utf8');
  const names = ts
    .createSourceFile('index.ts', text, ts.ScriptTarget.Latest)
    .statements.filter(ts.isExportDeclaration)
    .flatMap(({ exportClause }) =>
      exportClause !== undefined && ts.isNamedExports(exportClause)
        ? [...exportClause.elements]
        : [],
    );
  return names.map(({ name }) => name.text).sort();
}

describe('the classes of the widget module', () => {
  it('are those that Python names', () => {
    const models = found(python, /\b_model_name = Unicode\("(\w+)"\)/g);
    const views = found(python, /\b_view_name = Unicode\("(\w+)"\)/g);
    expect(models.length).toBeGreaterThan(15);
    expect([...models, ...views].sort()).toEqual(exported());
  });

  it('say by which names they are known', () => {
    const models = found(browser, /_model_name: '(\w+)'/g);
    const views = found(browser, /_view_name: '(\w+)'/g);
    expect([...models, ...views].sort()).toEqual(exported());
  });
});

/** The values that a name is given in a text. */
function values(text: string, assignment: RegExp): number[] {
  return found(text, assignment).map(Number);
}

/** The names in a tuple of Python that a pattern captures. */
function namesIn(tuple: RegExp): string[] {
  const [list] = found(python, tuple);
  return [...list.matchAll(/"([^"]*)"/g)].map(([, name]) => name);
}

describe('the constant', () => {
  it.each([
    ['places of the limit slider', /^LAST_LIMIT_INDEX = (\d+)$/gm, [LAST_LIMIT_INDEX]],
    ['places of the range slider', /^LAST_RANGE_INDEX = (\d+)$/gm, [LAST_RANGE_INDEX]],
    ['threshold under which gradient does not reach', /^THRESHOLD = (\S+)$/gm, [THRESHOLD]],
    ['percentile of the automatic range', /^AUTO_PERCENTILE = (\S+)$/gm, [AUTO_PERCENTILE]],
  ])('%s is that of Python', (_what, assignment, here) => {
    expect(values(python, assignment)).toEqual(here);
  });

  it('limits of the automatic range are those of Python', () => {
    const [list] = found(python, /^NICE = \((.*)\)$/gm);
    expect(list.split(', ').map(Number)).toEqual(NICE);
  });

  it('kinds of readouts are those of Python', () => {
    expect(namesIn(/^KINDS = \(([^)]*)\)/gm).sort()).toEqual([...KINDS].sort());
  });

  it('lines of a histogram are those of Python, in the order of their buttons', () => {
    expect(namesIn(/^LINES = \((.*)\)$/gm)).toEqual([...LINES]);
  });

  it('type of static pictures is that of Python', () => {
    const [type, ...others] = found(browser, /^const MIME = '(.+)';$/gm);
    expect(others).toEqual([]);
    expect(found(python, /^MIME = "(.+)"$/gm)).toEqual([type]);
  });

  it('classes that Python adds are known to the style sheet or to the browser half', () => {
    const added = found(python, /add_class\(\s*f?"(rnngrad-[\w-]*)/g);
    expect(added.length).toBeGreaterThan(30);
    expect(added.filter((name) => !`${style}${browser}`.includes(name))).toEqual([]);
  });

  it('room at the left of plots is that of the style sheet', () => {
    const [left] = values(python, /^MARGIN_LEFT = (\d+)$/gm);
    expect(values(style, /--rg-left: (\d+)px;/g)).toEqual([left]);
  });

  it('panels of a page is that of Python', () => {
    const pages = values(browser, /(?:readonly perPage|const PER_PAGE) = (\d+);/g);
    expect(pages).toHaveLength(3);
    expect(values(python, /\bPER_PAGE = (\d+)/g)).toEqual([1, ...pages].sort());
  });

  it.each(['TARGET', 'ARRAYS'])('comm target %s is that of Python', (name) => {
    const targets = found(python, new RegExp(`^${name} = "(\\S+)"$`, 'gm'));
    expect(targets).toHaveLength(1);
    expect(found(browser, new RegExp(`^(?:export )?const ${name} = '(\\S+)';$`, 'gm'))).toEqual(
      targets,
    );
  });

  it('room at the right of plots is that of the style sheet', () => {
    const rooms = [MARGIN_RIGHT.wide, MARGIN_RIGHT.narrow].sort();
    expect(values(style, /--rg-right: (\d+)px;/g).sort()).toEqual(rooms);
  });

  it('breakpoint is that of the style sheet', () => {
    expect(values(style, /@container \(max-width: ([\d.]+)px\)/g)).toContain(BREAKPOINT - 0.1);
  });

  it('dashes of lines are those of figures for print', () => {
    const [list] = found(python, /^DASHES\b[^=]*= \((.*)\)$/gm);
    const parts = [...list.matchAll(/\(([^)]*)\)/g)].map(([, dash]) => dash);
    expect(parts).toEqual(DASHES.map((dash) => dash.join(', ')));
  });

  it.each([
    ['DIVERGING', LIGHT.diverging],
    ['SEQUENTIAL', LIGHT.sequential],
  ])('palette %s of the light theme is that of Python', (name, stops) => {
    const [list] = found(python, new RegExp(`^${name}\\b[^=]*= [[(]([^\\])]*)[\\])]`, 'gm'));
    expect([...list.matchAll(/#[0-9a-f]{6}/g)].map(([colour]) => colour)).toEqual(stops);
  });
});
