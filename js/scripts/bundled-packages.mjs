// Which packages' code is in a bundle, from its modules: tests hold the licences against it.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const RECORD = fileURLToPath(new URL('../lib/bundled-packages.json', import.meta.url));
const IN_PACKAGE = /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules\/)/;
const ALL_MODULES = {
  all: false,
  modules: true,
  nestedModules: true,
  cachedModules: true,
  dependentModules: true,
  groupModulesByType: false,
  modulesSpace: Number.MAX_SAFE_INTEGER,
  nestedModulesSpace: Number.MAX_SAFE_INTEGER,
};

/** Write down the packages of a bundle, beside those of the other bundles. */
export function notePackages(bundle, stats) {
  const record = existsSync(RECORD) ? JSON.parse(readFileSync(RECORD, 'utf8')) : {};
  record[bundle] = [...new Set(packagesIn(stats.toJson(ALL_MODULES).modules))].sort();
  writeFileSync(RECORD, `${JSON.stringify(record, null, 2)}\n`);
}

function* packagesIn(modules) {
  for (const { name, modules: merged = [] } of modules) {
    const found = IN_PACKAGE.exec(name ?? '');
    if (found !== null) {
      yield found[1];
    }
    yield* packagesIn(merged);
  }
}
