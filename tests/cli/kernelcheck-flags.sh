# SPDX-License-Identifier: MIT
# kernelcheck takes the flags of all programs: filter, output, quiet, quick, version; JUnit XML; it says at once what it is at.
command -v kernelcheck >/dev/null || { echo "no kernelcheck in this build"; exit 77; }
kernelcheck --version
kernelcheck --quick --filter "pool.fwd/portable/*" 2>/dev/null | cut -c 1-45 | sed 's/, seed.*//'
kernelcheck --quick --filter "pool.fwd/portable/*" --quiet | sed 's/, seed.*//'
kernelcheck --quick --op pool --isa portable --format junit --output k.xml --quiet
python3 -c "
import xml.etree.ElementTree
suite = xml.etree.ElementTree.parse('k.xml').getroot()
print(suite.tag, suite.get('tests'), suite.get('failures'), *(case.get('classname') + ' ' + case.get('name') for case in suite))"
kernelcheck --filter nothing
echo "$?"
CONVGAUGE_QUICK=1 CONVGAUGE_QUIET=1 kernelcheck --filter activation --list | head -n 2
kernelcheck --op conv --isa portable 2>err >out & pid=$!
for ((i = 0; i < 20; i++)); do [ -s err ] && break; sleep 0.1; done
kill -INT $pid
wait $pid
echo "$? after at most 2 s:"
cat err
