import { lineSwatch } from '../drawing/line-style';
import { onThemeChange } from '../drawing/theme';
import type { SharedTimelineModel } from './shared-timeline';
import { MATCHED_BY } from './shared-timeline';
import { buttonsOf, press, row, StepControls, withWords } from './step-controls';

/** Of more runs, how far they are is told in a tooltip. */
const MOST_STATUSES = 8;

/** Play, scrub and follow all runs; match them by step or by loss. */
export class SharedTimelineControls extends StepControls {
  declare model: SharedTimelineModel;

  protected override get scrubbed(): SharedTimelineModel {
    return this.model;
  }

  override render(): void {
    super.render();
    this.matched.title =
      'beside each other: the same training step, or the nearest loss (mean of five snapshots)';
    this.statuses.className = 'rnngrad-statuses';
    this.el.append(row('rnngrad-compare', this.count, this.matched), this.statuses);
    this.count.className = 'rnngrad-status';
    this.listenTo(this.model, 'change:matched_by change:timelines', this.update);
    this.stopTheme = onThemeChange(() => this.update());
    this.update();
    this.model.showChosen();
  }

  override remove(): void {
    this.stopTheme?.();
    super.remove();
  }

  override update(): void {
    super.update();
    const { statuses, shown } = this.model;
    press(this.matched, this.model.get('matched_by') as number);
    this.matched.style.display = statuses.length > 1 ? '' : 'none';
    this.count.textContent = shown === null ? 'no snapshots yet' : '';
    const lines = statuses.map(({ name, text }) => `${name}: ${text || 'not begun'}`);
    this.statuses.title = lines.join('\n');
    this.statuses.replaceChildren(
      ...lines.slice(0, MOST_STATUSES).map((line, i) => {
        const element = document.createElement('div');
        element.append(lineSwatch(statuses[i].group), line);
        return element;
      }),
    );
  }

  private stopTheme: (() => void) | undefined;
  private readonly count = document.createElement('span');
  private readonly matched = withWords(
    buttonsOf(MATCHED_BY, (i) => this.model.setMatchedBy(i)),
    'runs at the same',
  );
  private readonly statuses = document.createElement('div');
}
