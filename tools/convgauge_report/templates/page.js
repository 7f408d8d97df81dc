/* Extras only; the page reads without them. Commands can be copied, tables sorted by a click, Enter or space on a heading. */
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
    var body = head.closest('table').tBodies[0], column = head.cellIndex, up = true;
    if (body.rows.length < 3) return;
    head.tabIndex = 0;
    head.title = 'sort';
    head.style.cursor = 'pointer';
    head.onclick = function () {
        Array.from(body.rows).sort(function (a, b) {
            var x = key(a, column), y = key(b, column);
            if (typeof x !== typeof y) return typeof x === 'number' ? -1 : 1;
            return (x > y ? 1 : x < y ? -1 : 0) * (up ? 1 : -1);
        }).forEach(function (row) { body.appendChild(row); });
        Array.from(head.parentElement.cells).forEach(function (other) { other.removeAttribute('aria-sort'); });
        head.setAttribute('aria-sort', up ? 'ascending' : 'descending');
        up = !up;
    };
    head.onkeydown = function (event) {
        if (event.key !== 'Enter' && event.key !== ' ') return;
        event.preventDefault();
        head.onclick();
    };
});
