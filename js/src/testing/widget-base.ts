// Models of ipywidgets and bqplot without a comm or a page, in place of those packages, which need both:
// vi.mock('@jupyter-widgets/base', () => import('../testing/widget-base'))
import Backbone from 'backbone';

let count = 0;

export class WidgetModel extends Backbone.Model {
  static readonly serializers = {};

  override defaults(): Backbone.ObjectHash {
    return {};
  }

  declare model_id: string;
  declare widget_manager: object | undefined;

  override initialize(): void {
    count++;
    this.model_id = String(count);
  }

  /** How often changes were sent to Python. */
  declare saves: number | undefined;

  readonly comm = {};
  readonly comm_live = true;

  set_state(state: object): void {
    this.set(state);
  }

  serialize(state: object): object {
    return state;
  }

  save_changes(): void {
    this.saves = (this.saves ?? 0) + 1;
  }

  send_sync_message(): string {
    return '';
  }

  /** How many statuses of the kernel were taken note of. */
  declare statuses: number | undefined;

  _handle_status(): void {
    this.statuses = (this.statuses ?? 0) + 1;
  }

  close(): Promise<void> {
    this.stopListening();
    return Promise.resolve();
  }
}

export class DOMWidgetModel extends WidgetModel {}
export class VBoxModel extends WidgetModel {}
export class MarkModel extends WidgetModel {}
export class FigureModel extends WidgetModel {}
export class AxisModel extends WidgetModel {}

/** Views are not made in tests. */
export class DOMWidgetView {}
export class VBoxView {}
export class Mark {}
export class Figure {}
export class Axis {}

export function uuid(): string {
  count++;
  return String(count);
}

export function unpack_models(): never {
  throw new Error('tests give models themselves');
}
