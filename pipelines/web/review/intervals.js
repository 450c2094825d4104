/** How sure a share is that was counted. */

/**
 * Compute the interval of Clopper and Pearson for a share of errors.
 *
 * @param {number} wrong
 * @param {number} seen - At least 1.
 * @param {number} [confidence]
 * @returns {[number, number]}
 */
export function errorInterval(wrong, seen, confidence = 0.95) {
  const level = (1 - confidence) / 2;
  const low = wrong === 0 ? 0 : solve((p) => 1 - atMost(wrong - 1, seen, p) >= level);
  const high = wrong === seen ? 1 : solve((p) => atMost(wrong, seen, p) <= level);
  return [low, high];
}

/**
 * Probability of so many errors or fewer.
 *
 * @param {number} wrong
 * @param {number} seen
 * @param {number} rate
 * @returns {number}
 */
function atMost(wrong, seen, rate) {
  if (rate <= 0) return 1;
  if (rate >= 1) return wrong >= seen ? 1 : 0;
  let log = seen * Math.log1p(-rate); // of the probability of none
  let sum = Math.exp(log);
  for (let k = 1; k <= wrong; k += 1) {
    log += Math.log((seen - k + 1) / k) + Math.log(rate / (1 - rate));
    sum += Math.exp(log);
  }
  return Math.min(1, sum);
}

/**
 * Find the least rate from which on something holds.
 *
 * @param {(rate: number) => boolean} holds
 * @returns {number}
 */
function solve(holds) {
  let low = 0;
  let high = 1;
  while (high - low > 1e-7) {
    const middle = (low + high) / 2;
    if (holds(middle)) high = middle;
    else low = middle;
  }
  return high;
}

/**
 * Write a share in per cent.
 *
 * @param {number} share
 * @returns {string}
 */
export function percent(share) {
  return `${(100 * share).toFixed(1)} %`;
}
