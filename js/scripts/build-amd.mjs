// The AMD bundle: VS Code and the offline HTML page load it through require.js. One file, no chunks.
// rspack, css-loader and style-loader are there through @jupyter/builder.
import { copyFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { rspack } from '@rspack/core';

import { notePackages } from './bundled-packages.mjs';

const here = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const output = here('../rnngrad_widgets/nbextension');

const compiler = rspack({
  mode: 'production',
  context: here('.'),
  entry: here('lib/index.js'),
  output: { path: output, filename: 'index.js', library: { type: 'amd' }, publicPath: '' },
  externals: ['@jupyter-widgets/base', '@jupyter-widgets/controls', 'bqplot'],
  module: {
    rules: [{ test: /\.css$/, use: ['style-loader', 'css-loader'], type: 'javascript/auto' }],
  },
  devtool: false,
  performance: { hints: false },
});

compiler.run((error, stats) => {
  if (error !== null || stats.hasErrors()) {
    console.error(error ?? stats.toString({ colors: false }));
    process.exit(1);
  }
  copyFileSync(here('scripts/extension.js'), `${output}/extension.js`);
  notePackages('index.js', stats);
  console.log(stats.toString({ preset: 'errors-warnings' }));
  compiler.close(() => {});
});
