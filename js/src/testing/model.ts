/** Make a model of ipywidgets, whose constructor has many arguments that tests can do without. */
export function model<T>(kind: new (...given: never[]) => T, attributes: object = {}): T {
  return new kind(...([attributes, {}] as never[]));
}
