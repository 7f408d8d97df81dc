/* What is wrong with the layout of the page that is open, a line each: evaluated by test_page.py in every width and colour scheme. */
(function () {
    var wide = document.documentElement.clientWidth, wrong = [];
    function say(what, e) { wrong.push(what + ': ' + e.tagName.toLowerCase() + '.' + (e.getAttribute('class') || '') + ' ' + JSON.stringify(e.textContent.trim().slice(0, 60))); }
    function seen(e) { return e.getClientRects().length > 0; }
    document.querySelectorAll('details').forEach(function (d) { d.open = true; });
    if (document.documentElement.scrollWidth > wide) wrong.push('the page is wider than the window: ' + document.documentElement.scrollWidth + ' of ' + wide);
    document.querySelectorAll('body *').forEach(function (e) {
        if (e.closest('.scroll, .plot, svg, .skip, .unseen') && !e.matches('.scroll, .plot')) return;
        var box = e.getBoundingClientRect();
        if (box.right > wide + 1 || box.left < -1) say('leaves the window', e);
    });
    document.querySelectorAll('.chip').forEach(function (chip) {                /* a verdict is read whole, without scrolling */
        var box = chip.getBoundingClientRect(), clip = chip.closest('.card .scroll');
        if (chip.scrollWidth > chip.clientWidth) say('cut', chip);
        if (clip && seen(chip) && box.right > clip.getBoundingClientRect().right + 1) say('cut by its table', chip);
    });
    document.querySelectorAll('svg').forEach(function (svg) {
        if (!seen(svg)) return;
        var frame = svg.getBoundingClientRect(), name = (svg.closest('section') || svg).id, texts = [];
        svg.querySelectorAll('text').forEach(function (text) {
            var box = text.getBoundingClientRect();
            if (box.right > frame.right + 3 || box.left < frame.left - 3) wrong.push(name + ': text leaves its figure: ' + text.textContent);
            texts.forEach(function (other) {
                var across = Math.min(box.right, other.box.right) - Math.max(box.left, other.box.left);
                var down = Math.min(box.bottom, other.box.bottom) - Math.max(box.top, other.box.top);
                if (across > 0.25 * Math.min(box.width, other.box.width) && down > 0.5 * Math.min(box.height, other.box.height))
                    wrong.push(name + ': overprinted: ' + other.text + ' and ' + text.textContent);
            });
            texts.push({ box: box, text: text.textContent });
        });
    });
    document.querySelectorAll('details').forEach(function (d) { d.open = false; });
    document.querySelectorAll('.grid').forEach(function (grid) {               /* columns of figures end near each other */
        var ends = {}, tallest = 0, name = (grid.closest('section[id]') || grid).id;
        Array.from(grid.children).filter(seen).forEach(function (child) {
            var box = child.getBoundingClientRect(), at = Math.round(box.left);
            ends[at] = Math.max(ends[at] || 0, box.bottom);
            tallest = Math.max(tallest, box.height);
        });
        var bottoms = Object.values(ends);
        if (bottoms.length > 1 && Math.max.apply(null, bottoms) - Math.min.apply(null, bottoms) > tallest) wrong.push(name + ': ragged columns');
    });
    document.querySelectorAll('.card:has(.picture)').forEach(function (card) {
        var words = card.querySelector('.words').getBoundingClientRect(), picture = card.querySelector('.picture').getBoundingClientRect();
        var bare = Math.abs(words.bottom - picture.bottom) / card.getBoundingClientRect().height;
        if (picture.left > words.left + 9 && bare > 0.4) wrong.push(card.querySelector('h3').id + ': a column ends ' + Math.round(100 * bare) + ' % early');
    });
    var ids = {}, level = 0;
    document.querySelectorAll('[id]').forEach(function (e) { if (ids[e.id]) wrong.push('an id twice: ' + e.id); ids[e.id] = 1; });
    document.querySelectorAll('h1, h2, h3, h4').forEach(function (h) {
        var own = Number(h.tagName[1]);
        if (own > level + 1) say('a heading skips a level', h);
        level = own;
    });
    document.querySelectorAll('a, button, summary').forEach(function (e) { if (!e.textContent.trim() && !e.getAttribute('aria-label')) say('no name', e); });
    document.querySelectorAll('img').forEach(function (e) { if (!e.alt) wrong.push('no text for the picture ' + e.src.slice(0, 40)); });

    function parts(colour) { return (colour.match(/[\d.]+/g) || []).map(Number); }
    function luminance(c) {
        c = c.slice(0, 3).map(function (v) { v /= 255; return v <= 0.03928 ? v / 12.92 : Math.pow((v + 0.055) / 1.055, 2.4); });
        return 0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2];
    }
    function behind(e) {                                                        /* the nearest colour that covers */
        for (; e; e = e.parentElement) {
            var c = parts(getComputedStyle(e).backgroundColor);
            if (c.length && (c.length < 4 || c[3] > 0)) return c;
        }
        return [255, 255, 255];
    }
    var checked = {};
    document.querySelectorAll('body *').forEach(function (e) {
        var svg = e.closest('svg');
        if (svg ? e.tagName !== 'text' : !Array.from(e.childNodes).some(function (n) { return n.nodeType === 3 && n.data.trim(); })) return;
        if (e.closest('script')) return;
        var style = getComputedStyle(e), front = parts(svg ? style.fill : style.color), back = behind(e.parentElement && svg ? svg : e);
        var mark = front + '/' + back + '/' + style.fontSize;
        if (checked[mark]) return;
        checked[mark] = 1;
        var a = luminance(front), b = luminance(back), ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (ratio < (parseFloat(style.fontSize) >= 24 ? 3 : 4.5)) say('contrast ' + ratio.toFixed(2), e);
    });
    return wrong;
})()
