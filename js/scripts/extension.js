// VS Code reads this map as text to find the widgets without a CDN; keep its form.
define(function () {
  'use strict';
  requirejs.config({
    map: { '*': { 'rnngrad-widgets': 'nbextensions/rnngrad-widgets/index' } },
  });
  return { load_ipython_extension: function () {} };
});
