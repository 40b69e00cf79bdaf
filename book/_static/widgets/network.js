// The network of chapter 9 for one image: networks.py and ops.py once more,
// with every loop written out. Pictures are flat: [row, column, feature].

// Every pixel of n x n meets up to 5 x 5 of the 2n x 2n: those around it.
function meetings(n, meet) {
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++)
      for (let k = 0; k < 5; k++)
        for (let l = 0; l < 5; l++) {
          const y = 2 * i + k - 1, x = 2 * j + l - 1;
          if (y >= 0 && y < 2 * n && x >= 0 && x < 2 * n)
            meet(i * n + j, y * 2 * n + x, 5 * k + l);
        }
}

// 2n x 2n -> n x n: what meets a small pixel is weighed and added up in it.
function conv2d(large, n, w, b) {
  const inputs = w.length / 25 / b.length, outputs = b.length;
  const small = Float32Array.from({length: n * n * outputs},
                                  (_, i) => b[i % outputs]);
  meetings(n, (s, t, kl) => {
    for (let p = 0; p < inputs; p++) {
      const x = large[t * inputs + p];
      for (let q = 0; q < outputs; q++)
        small[s * outputs + q] += x * w[(kl * inputs + p) * outputs + q];
    }
  });
  return small;
}

// n x n -> 2n x 2n, the same meetings the other way round.
function conv_transpose(small, n, w, b) {
  const inputs = w.length / 25 / b.length, outputs = b.length;
  const large = Float32Array.from({length: 4 * n * n * outputs},
                                  (_, i) => b[i % outputs]);
  meetings(n, (s, t, kl) => {
    for (let p = 0; p < outputs; p++) {
      let sum = 0;
      for (let q = 0; q < inputs; q++)
        sum += small[s * inputs + q] * w[(kl * outputs + p) * inputs + q];
      large[t * outputs + p] += sum;
    }
  });
  return large;
}

function dense(x, matrix, bias) {
  const y = Float32Array.from(bias), outputs = bias.length;
  for (let i = 0; i < x.length; i++)
    for (let o = 0; o < outputs; o++)
      y[o] += x[i] * matrix[i * outputs + o];
  return y;
}

const lrelu = x => x.map(v => Math.max(v, 0.2 * v));
const relu = x => x.map(v => Math.max(v, 0));
const sigmoid = x => x.map(v => 1 / (1 + Math.exp(-v)));

// What both encoders see of one image [28 * 28]: [7 * 7 * 32].
function features(image, v) {
  const h1 = lrelu(conv2d(image, 14, v["d_h1/w"], v["d_h1/b"]));
  return lrelu(conv2d(h1, 7, v["d_h2/w"], v["d_h2/b"]));
}

// One image -> its z_mean and z_stddev, each [n_z].
function recognition(image, v) {
  const h2 = features(image, v);
  return {z_mean: dense(h2, v["w_mean/Matrix"], v["w_mean/bias"]),
          z_stddev: dense(h2, v["w_stddev/Matrix"], v["w_stddev/bias"])};
}

// The autoencoder's: one image -> its code [n_z].
function encoder(image, v) {
  return dense(features(image, v), v["w_z/Matrix"], v["w_z/bias"]);
}

// One code [n_z] -> its image [28 * 28], pixels in (0, 1).
function generation(z, v) {
  const x = relu(dense(z, v["z_matrix/Matrix"], v["z_matrix/bias"]));
  const h1 = relu(conv_transpose(x, 7, v["g_h1/w"], v["g_h1/b"]));
  return sigmoid(conv_transpose(h1, 14, v["g_h2/w"], v["g_h2/b"]));
}

// The reparameterization trick; the samples are dice of the unit Gaussian.
function sample_z(z_mean, z_stddev, samples) {
  return z_mean.map((mean, i) => mean + z_stddev[i] * samples[i]);
}
