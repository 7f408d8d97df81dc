/* Extras only; the page reads without them. Commands can be copied, tables sorted by their headings, figures of one kind shown one by one. */
document.querySelectorAll('.command').forEach(function (line) {
    if (!navigator.clipboard) return;
    var button = document.createElement('button');
    button.textContent = 'copy';
    button.setAttribute('aria-label', 'copy the command');
    button.onclick = function () {
        navigator.clipboard.writeText(line.querySelector('code').textContent).then(function () { button.textContent = 'copied'; }, function () { button.textContent = 'not allowed'; });
    };
    line.appendChild(button);
});
function key(row, column) {
    var text = row.cells[column].textContent.replace(/,(?=\d{3})/g, '').replace('−', '-'), number = parseFloat(text);
    return isNaN(number) ? text : number;
}
document.querySelectorAll('thead th').forEach(function (head) {
    var body = head.closest('table').tBodies[0], column = head.cellIndex, up = true, button = document.createElement('button');
    if (body.rows.length < 3) return;
    button.className = 'sort';
    button.title = 'sort';
    button.append.apply(button, Array.from(head.childNodes));
    head.appendChild(button);
    button.onclick = function () {
        Array.from(body.rows).sort(function (a, b) {
            var x = key(a, column), y = key(b, column);
            if (typeof x !== typeof y) return typeof x === 'number' ? -1 : 1;
            return (x > y ? 1 : x < y ? -1 : 0) * (up ? 1 : -1);
        }).forEach(function (row) { body.appendChild(row); });
        Array.from(head.parentElement.cells).forEach(function (other) { other.removeAttribute('aria-sort'); });
        head.setAttribute('aria-sort', up ? 'ascending' : 'descending');
        up = !up;
    };
});
document.querySelectorAll('.views').forEach(function (views) {
    var shown = Array.from(views.querySelectorAll('[data-view]')), group = document.createElement('div'), buttons;
    function show(which) {
        shown.forEach(function (view, i) {
            view.classList.toggle('away', i !== which);
            buttons[i].setAttribute('aria-pressed', i === which);
        });
    }
    buttons = shown.map(function (view, i) {
        var button = document.createElement('button');
        button.textContent = view.dataset.view;
        button.onclick = function () { show(i); };
        group.appendChild(button);
        return button;
    });
    group.className = 'toggles';
    group.setAttribute('role', 'group');
    group.setAttribute('aria-label', views.dataset.label);
    views.insertBefore(group, views.firstChild);
    show(0);
    function reveal() {                                   /* a link to a figure that is away shows it */
        var target = document.getElementById(location.hash.slice(1)), which = shown.findIndex(function (view) { return view.contains(target); });
        if (target && which >= 0) { show(which); target.scrollIntoView(); }
    }
    window.addEventListener('hashchange', reveal);
    reveal();
});
