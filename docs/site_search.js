// Pages by their words, above the names that Doxygen's own search finds. The pages (search/pages.js, which site_pages.py writes) and lunr
// are loaded when the search field is first used.

const dvarSearch = {
  // A lunr index of pages: a word in the title, or in what a rule is for, counts for more than one in the text. Words such as "after" and
  // "every" are names here, so none is left out.
  index(lunr, pages) {
    lunr.tokenizer.separator = /[^\p{Letter}\p{Number}]+/u;
    return lunr(function () {
      this.pipeline.remove(lunr.stopWordFilter);
      this.ref('url');
      this.field('title', { boost: 8 });
      this.field('use', { boost: 8 });
      this.field('text');
      for (const page of pages) this.add(page, { boost: page.use ? 3 : 1 });
    });
  },

  // The pages that have all of the words, and then those that have any, or words that begin with the last one.
  find(lunr, index, pages, text) {
    const words = lunr.tokenizer(text).filter((word) => word.toString() !== '');
    const all = index.query((query) => {
      words.forEach((word) => query.term(word, { presence: lunr.Query.presence.REQUIRED }));
    });
    const any = index.query((query) => {
      words.forEach((word) => query.term(word, { boost: 10 }));
      words.slice(-1).forEach((word) => query.term(word, { usePipeline: false, wildcard: lunr.Query.wildcard.TRAILING }));
    });
    const urls = new Set([...all, ...any].map((hit) => hit.ref));
    return [...urls].map((url) => pages.find((page) => page.url === url));
  },
};

if (typeof document !== 'undefined') {
  const here = new URL('.', document.currentScript.src);
  const load = (file) => new Promise((resolve, reject) => {
    const script = document.createElement('script');
    Object.assign(script, { src: new URL(file, here), onload: resolve, onerror: reject });
    document.head.append(script);
  });

  let index;
  const show = (field) => {
    const panel = document.getElementById('MSearchResultsWindow');
    let list = document.getElementById('found-pages');
    if (!list) panel.prepend(list = Object.assign(document.createElement('ol'), { id: 'found-pages' }));
    const found = index && field.value.trim() ? dvarSearch.find(lunr, index, dvarPages, field.value).slice(0, 7) : [];
    list.replaceChildren(...found.map((page) => {
      const item = document.createElement('li');
      item.append(Object.assign(document.createElement('a'), { href: new URL(page.url, here), textContent: page.title }));
      if (page.use) item.append(Object.assign(document.createElement('span'), { textContent: page.use }));
      return item;
    }));
    list.hidden = found.length === 0;
  };

  // Doxygen makes the field when the page is ready, and moves it when the window gets narrow: so the document listens.
  let loading;
  document.addEventListener('focusin', ({ target }) => {
    if (target.id !== 'MSearchField') return;
    loading ??= Promise.all([load('lunr.min.js'), load('search/pages.js')]).then(() => {
      index = dvarSearch.index(lunr, dvarPages);
      show(target);
    });
  });
  document.addEventListener('input', ({ target }) => {
    if (target.id === 'MSearchField') show(target);
  });
}

if (typeof module !== 'undefined') module.exports = dvarSearch;
