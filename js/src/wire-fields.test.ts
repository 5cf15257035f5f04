// The fields of each model that Python sends are those that its half here starts with.
import { readdirSync, readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it, vi } from 'vitest';

vi.mock('@jupyter-widgets/base', () => import('./testing/widget-base'));
vi.mock('@jupyter-widgets/controls', () => import('./testing/widget-base'));
vi.mock('bqplot', () => import('./testing/widget-base'));

interface Class {
  readonly bases: readonly string[];
  /** `_model_name` on the wire; none in a base class of others. */
  readonly model: string | undefined;
  readonly fields: readonly string[];
}

/** The classes of a Python source, and the traits that they sync. */
function classesIn(source: string): [string, Class][] {
  return source
    .split(/^class /m)
    .slice(1)
    .map((body): [string, Class] => {
      const [, name, bases = ''] = /^(\w+)(?:\(([^)]*)\))?:/.exec(body) ?? [];
      const traits = body.matchAll(/^ {4}(\w+)(?:: [^=\n]+)? = ((?:.|\n(?! {4}\w|\n))*)/gm);
      const fields = [...traits].filter(([, , value]) => /\.tag\(\s*sync=True/.test(value));
      const model = /_model_name = Unicode\("(\w+)"\)/.exec(body)?.[1];
      return [name, { bases: bases.split(', '), model, fields: fields.map(([, field]) => field) }];
    });
}

const root = new URL('../../rnngrad_widgets/', import.meta.url);
const classes = new Map(
  readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.py'))
    .flatMap((name) => classesIn(readFileSync(new URL(name, root), 'utf8'))),
);

/** The fields of a class and of the classes that it is made of. */
function fieldsOf(name: string): string[] {
  const found = classes.get(name);
  return found === undefined ? [] : [...found.bases.flatMap(fieldsOf), ...found.fields];
}

const models = [...classes].flatMap(([name, { model }]) =>
  model === undefined ? [] : ([[model, fieldsOf(name)]] as [string, string[]][]),
);

/** Fields of bqplot's own marks, beside those that every widget has. */
const FOREIGN = ['scales_metadata'];

/** Our own fields, sorted, each once. */
function ours(fields: readonly string[]): string[] {
  const own = fields.filter((field) => !field.startsWith('_') && !FOREIGN.includes(field));
  return [...new Set(own)].sort();
}

describe('the fields of', () => {
  let exported: Record<string, { prototype: { defaults(): object } }>;

  beforeAll(async () => {
    vi.stubGlobal('document', { createElement: () => ({ getContext: () => null }) });
    exported = (await import('./index')) as never;
  });

  it('models are found', () => {
    expect(models.length).toBeGreaterThan(15);
    expect(Math.min(...models.map(([, fields]) => fields.length))).toBeGreaterThan(3);
  });

  it.each(models)('%s are those of Python', (model, fields) => {
    expect(ours(fields)).toEqual(ours(Object.keys(exported[model].prototype.defaults())));
  });
});
