// The decoder of this page for one code: three dense layers, and between them
// what is negative becomes zero.

function decode(z, v) {
  const h1 = layer(z, v["g_h1/Matrix"], v["g_h1/bias"]).map(relu);
  const h2 = layer(h1, v["g_h2/Matrix"], v["g_h2/bias"]).map(relu);
  return layer(h2, v["g_h3/Matrix"], v["g_h3/bias"]).map(
    x => 1 / (1 + Math.exp(-x)));
}

// [inputs] -> [outputs]: every input, weighed, is added to every output.
function layer(x, matrix, bias) {
  const y = Float32Array.from(bias), outputs = bias.length;
  for (let i = 0; i < x.length; i++)
    if (x[i])
      for (let o = 0; o < outputs; o++)
        y[o] += x[i] * matrix[i * outputs + o];
  return y;
}

function relu(x) {
  return Math.max(x, 0);
}
