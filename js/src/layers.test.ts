// Which folder may import from which. This is where the rule is written down.
import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

/**
 * From the lowest folder to the highest: a module imports from its own folder and from lower ones,
 * types included. The entry points in the root are the highest, but for `version`, the lowest.
 *
 * data     numbers: slices, counts, norms over channels; neither widgets nor the page
 * drawing  colours, ticks, places, words of numbers; what is painted and how, but not when
 * export   what an element of the page shows, as a file
 * widgets  models that Python knows, and the parts of the frame round the plots
 * marks    bqplot marks that draw a selection
 * pages    pages that have no loader of widgets: saved ones, and outputs that one anywidget fills
 */
const LAYERS = ['data', 'drawing', 'export', 'widgets', 'marks', 'pages', '.'];

/** Folders that may import packages of widgets for more than their types. */
const WITH_WIDGETS = ['widgets', 'marks', 'pages', '.'];

const LOWEST = ['version.ts'];

const SOURCE = new URL('.', import.meta.url).pathname;

/** Each module and what it imports: modules by their path from js/src, packages by their name. */
function importsOf(modules: readonly string[]): Map<string, string[]> {
  const known = new Set(modules);
  return new Map(
    modules.map((module) => {
      const { importedFiles } = ts.preProcessFile(readFileSync(SOURCE + module, 'utf8'));
      const found = importedFiles.map(({ fileName }) => {
        const path = `${posix.join(posix.dirname(module), fileName)}.ts`;
        return fileName.startsWith('.') && known.has(path) ? path : fileName;
      });
      return [module, found];
    }),
  );
}

/** Packages that a module loads: what it imports once its types are gone. */
function packagesOf(module: string): string[] {
  const script = ts.transpile(readFileSync(SOURCE + module, 'utf8'), {
    module: ts.ModuleKind.ESNext,
  });
  const names = ts.preProcessFile(script).importedFiles.map(({ fileName }) => fileName);
  return names.filter((name) => !name.startsWith('.'));
}

function layerOf(module: string): number {
  return LOWEST.includes(module) ? -1 : LAYERS.indexOf(posix.dirname(module));
}

/** The first circle of imports that is found, as a path that ends where it begins. */
function circleIn(graph: ReadonlyMap<string, readonly string[]>): string[] | null {
  const done = new Set<string>();
  const visit = (module: string, path: readonly string[]): string[] | null => {
    if (path.includes(module)) {
      return [...path.slice(path.indexOf(module)), module];
    }
    if (done.has(module)) {
      return null;
    }
    for (const next of graph.get(module) ?? []) {
      const circle = visit(next, [...path, module]);
      if (circle !== null) {
        return circle;
      }
    }
    done.add(module);
    return null;
  };
  for (const module of graph.keys()) {
    const circle = visit(module, []);
    if (circle !== null) {
      return circle;
    }
  }
  return null;
}

const modules = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })
  .map((name) => name.replaceAll('\\', '/'))
  .filter((name) => name.endsWith('.ts') && !/\.(d|test)\.ts$|^testing\//.test(name));
const graph = importsOf(modules);

describe('imports', () => {
  it('are found', () => {
    expect(modules.length).toBeGreaterThan(45);
    expect(graph.get('widgets/selection.ts')).toContain('data/slicing.ts');
    expect([...new Set(modules.map(posix.dirname))].sort()).toEqual([...LAYERS].sort());
  });

  it.each(modules)('%s imports from its own folder and lower ones only', (module) => {
    const own = (graph.get(module) ?? []).filter((name) => graph.has(name));
    const higher = own.filter((other) => layerOf(other) > layerOf(module));
    expect(higher).toEqual([]);
  });

  it('go in no circle', () => {
    expect(circleIn(graph)).toBeNull();
    expect(
      circleIn(
        new Map([
          ['a', ['b']],
          ['b', ['c', 'd']],
          ['c', []],
          ['d', ['b']],
        ]),
      ),
    ).toEqual(['b', 'd', 'b']);
  });

  it('of packages are of types only where there are no widgets', () => {
    const pure = modules.filter(
      (module) => module.includes('/') && !WITH_WIDGETS.includes(posix.dirname(module)),
    );
    expect(pure.length).toBeGreaterThan(20);
    expect(pure.flatMap(packagesOf)).toEqual([]);
  });
});
