// Searches the documentation site as its search field does, and prints a line for every search that does not find what it should.
//
// Usage: node search_site.js ROOT HTML
'use strict';
const fs = require('fs');
const path = require('path');

// What people look for, and a rule that has to be among the first five pages.
const SEARCHES = {
  'early stopping': 'patience',
  'validation error': 'patience',
  'no improvement': 'patience',
  'overfitting': 'generalization_loss',
  'noisy loss': 'slope_test',
  'standard error': 'mean_settled',
  'plateau': 'plateau',
  'autocorrelated': 'geweke',
  'straight line': 'diminishing_returns',
  'probability of a wrong stop': 'sequential_test',
  'fixed inputs': 'variance_ratio',
  'thousands of series': 'variance_ratio_bank',
  'explod': 'divergence',
  'NaN': 'non_finite',
  'good enough': 'threshold',
  'gradient': 'pflug',
  'time limit': 'wall_clock_limit',
  'maximum of steps': 'step_limit',
  'already converged': 'already_converged',
  'spikes': 'despiked',
  'ranks': 'agreed',
};

const [root, site] = process.argv.slice(2);
const lunr = require(path.resolve(site, 'lunr.min.js'));
const search = require(path.resolve(site, 'site_search.js'));
const pages = new Function(`${fs.readFileSync(path.join(site, 'search/pages.js'), 'utf8')}; return dvarPages;`)();
const index = search.index(lunr, pages);
const rulePage = (rule) => `md_docs_criteria_${rule}.html`;

const problems = [];
const expect = (text, rule, places) => {
  const found = search.find(lunr, index, pages, text).slice(0, places).map((page) => page.url);
  if (!found.includes(rulePage(rule))) problems.push(`"${text}" finds ${found.join(', ') || 'nothing'}, not ${rule}`);
};
for (const [text, rule] of Object.entries(SEARCHES)) expect(text, rule, 5);

// Every rule is found by its name, as written and as people type it, and says what it is for.
const rules = fs.readdirSync(path.join(root, 'docs/criteria')).map((file) => path.parse(file).name).filter((name) => name !== 'README');
for (const rule of rules) {
  expect(rule, rule, 1);
  expect(rule.replaceAll('_', ' '), rule, 1);
  const page = pages.find(({ url }) => url === rulePage(rule));
  if (!page || !page.use) problems.push(`${rule}: the table of docs/criteria/README.md does not say what it is for`);
}
if (search.find(lunr, index, pages, 'xyzzy').length > 0) problems.push('"xyzzy" finds something');

console.log([...problems, `${pages.length} pages, ${rules.length} rules, ${problems.length} problems`].join('\n'));
process.exitCode = problems.length > 0 || rules.length === 0 ? 1 : 0;
