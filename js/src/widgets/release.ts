/** What is needed here of Backbone's models. */
interface Model {
  set(attributes: Record<string, null>, options: { silent: true }): unknown;
}

/**
 * Let go of the arrays of a closed model. JupyterLab may keep the model, and Backbone keeps the
 * values before the last change beside the new ones: so there are two changes.
 */
export function release(model: Model, ...names: string[]): void {
  for (let change = 0; change < 2; change++) {
    model.set(Object.fromEntries(names.map((name) => [name, null])), { silent: true });
  }
}
