// What a page without a kernel needs besides bqplot and the AMD bundle, as a variable `rnngradPage`,
// and the licences of all that is in it. rspack and the licence plugin come with @jupyter/builder.
import { copyFileSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rspack } from '@rspack/core';
import { LicenseWebpackPlugin } from 'license-webpack-plugin';

import { notePackages } from './bundled-packages.mjs';

const here = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));

const LUMINO = here('node_modules/@lumino/widgets/src/index.ts');

const compiler = rspack({
  mode: 'production',
  context: here('.'),
  entry: here('lib/pages/library.js'),
  output: {
    path: here('../rnngrad_widgets/nbextension'),
    filename: 'page.js',
    library: { type: 'var', name: 'rnngradPage' },
    publicPath: '',
  },
  resolve: {
    alias: {
      // a tenth of the code, for HTML in descriptions, which our manager escapes
      'sanitize-html': false,
      // without requests and effects, which nothing here uses
      jquery$: here('node_modules/jquery/dist/jquery.slim.js'),
      // its modules one by one: docks and menus, which no widget has, are left out
      '@lumino/widgets$': LUMINO,
    },
    extensions: ['.js', '.ts'],
  },
  module: {
    rules: [
      { test: /\.css$/, use: ['style-loader', 'css-loader'], type: 'javascript/auto' },
      {
        test: /\.ts$/,
        include: dirname(LUMINO),
        sideEffects: false,
        loader: 'builtin:swc-loader',
        options: {
          // fields that are only declared must not undo what a base class has set
          jsc: {
            parser: { syntax: 'typescript' },
            target: 'es2018',
            transform: { useDefineForClassFields: false },
          },
        },
      },
    ],
  },
  // merged modules would hide what they are made of from the licence plugin
  optimization: { concatenateModules: false },
  plugins: [
    new LicenseWebpackPlugin({
      perChunkOutput: false,
      outputFilename: 'page.licenses.txt',
      licenseTextOverrides: { 'rnngrad-widgets': readFileSync(here('../LICENSE'), 'utf8') },
      // Jupyter's packages name their licence without its text
      handleMissingLicenseText: (name) => {
        if (!/^@(jupyter-widgets|lumino)\//.test(name)) {
          throw new Error(`the licence of ${name} is missing: add its text here`);
        }
        return readFileSync(here('scripts/jupyter.license.txt'), 'utf8');
      },
      // by name, because modules come in another order in every build; a form feed between
      // packages, for rnngrad_widgets/export/bundle.py
      renderLicenses: (modules) =>
        modules
          .sort((a, b) => (a.name < b.name ? -1 : 1))
          .map(({ name, licenseText }) => `${name}\n${licenseText.trim()}`)
          .join('\n\f\n'),
      stats: { warnings: false, errors: true },
    }),
  ],
  devtool: false,
  performance: { hints: false },
});

compiler.run((error, stats) => {
  if (error !== null || stats.hasErrors()) {
    console.error(error ?? stats.toString({ colors: false }));
    process.exit(1);
  }
  notePackages('page.js', stats);
  console.log(stats.toString({ preset: 'errors-warnings' }));
  // sent as it is: an anywidget's code is a module of its own
  copyFileSync(here('lib/pages/anywidget.js'), here('../rnngrad_widgets/nbextension/anywidget.js'));
  compiler.close(() => {});
});
