// What jupyter-builder hands to rspack besides its own settings. Its numbers for modules are made
// of the paths that it is given, which are absolute: named ones are the same in every folder.
module.exports = { optimization: { moduleIds: 'named' } };
