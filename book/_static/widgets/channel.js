// What a number tells through Gaussian noise: channel.py, for equal noise.

// The integral of the unit Gaussian up to x, by its series. (Marsaglia 2004)
function ndtr(x) {
  if (Math.abs(x) > 8) return x > 0 ? 1 : 0;
  let sum = x, term = x;
  for (let i = 3; Math.abs(term) > 1e-17; i += 2)
    sum += term *= x * x / i;
  return 0.5 + sum * Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
}

// How often each name is heard, the nearest one, when one of them is sent.
function heard(numbers, sent, stddev) {
  const sorted = Array.from(numbers).sort((a, b) => a - b);
  return Array.from(numbers, number => {
    const i = sorted.indexOf(number);
    const upTo = j => j < 0 ? 0 : j > sorted.length - 2 ? 1
      : ndtr(((sorted[j] + sorted[j + 1]) / 2 - sent) / stddev);
    return upTo(i) - upTo(i - 1);
  });
}

// What is received tells about which of equally likely numbers was sent, in
// bits: the entropy of the mixture of their clouds less that of the noise.
function information(numbers, stddev) {
  const step = stddev / 4, n = numbers.length, reach = 8 * stddev;
  const end = Math.max(...numbers) + reach;
  let received = 0;
  for (let y = Math.min(...numbers) - reach; y < end; y += step) {
    let clouds = 0;
    for (const number of numbers)
      clouds += Math.exp(-(((y - number) / stddev) ** 2) / 2);
    const density = clouds / (n * stddev * Math.sqrt(2 * Math.PI));
    if (density) received -= step * density * Math.log(density);
  }
  const noise = Math.log(stddev) + Math.log(2 * Math.PI * Math.E) / 2;
  return Math.max(0, (received - noise) / Math.LN2);
}
