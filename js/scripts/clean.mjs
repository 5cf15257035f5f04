// A build starts from nothing: old hashed files would otherwise be shipped beside the new ones.
import { rmSync } from 'node:fs';

for (const path of ['lib', '../rnngrad_widgets/labextension', '../rnngrad_widgets/nbextension']) {
  rmSync(new URL(`../${path}`, import.meta.url), { recursive: true, force: true });
}
