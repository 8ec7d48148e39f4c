"""Whether chains have come to sample from one density: split R-hat, effective sample size."""

import numpy as np

FEWEST_DRAWS = 8  # of a chain: two halves, with a variance each and a few lags


def split_r_hat(draws: np.ndarray) -> np.ndarray:
    """Return the potential scale reduction of split chains, which is 1 once they agree.

    `draws` has shape (draws, chains, ...), the result (...). Each chain is cut in two, so that one
    chain that drifts shows as well as two that disagree: sqrt(((n - 1) / n W + B / n) / W), with W
    the mean variance within the halves, n their length, and B / n the variance of their means
    (Gelman et al. 2013, Bayesian Data Analysis, section 11.4). NaN with fewer than `FEWEST_DRAWS`
    draws, and where a draw is NaN; 1 where nothing varies.
    """
    draws = np.asarray(draws, dtype=np.float64)
    if len(draws) < FEWEST_DRAWS:
        return np.full(draws.shape[2:], np.nan)
    half = len(draws) // 2
    halves = np.concatenate([draws[:half], draws[len(draws) - half :]], axis=1)
    within = halves.var(axis=0, ddof=1).mean(axis=0)
    between = halves.mean(axis=0).var(axis=0, ddof=1)
    ratio = np.divide(between, within, out=np.full(within.shape, np.inf), where=within > 0)
    ratio = np.where((within == 0) & (between == 0), 1 / half, ratio)
    return np.where(np.isnan(within), np.nan, np.sqrt((half - 1) / half + ratio))


def effective_sample_size(draws: np.ndarray) -> np.ndarray:
    """Return how many independent draws the chains' mean is as good as.

    `draws` has shape (draws, chains, ...), the result (...): the number of draws over
    1 + 2 sum(rho_t), with rho_t the autocorrelation at lag t from all chains together, summed in
    pairs of lags for as long as these are positive and made to fall (Geyer's initial monotone
    sequence; Gelman et al. 2013, section 11.5; Vehtari et al. 2021, section 3.2). At most draws *
    log10(draws) (the same, section 3.2). NaN as for `split_r_hat`; the number of draws where
    nothing varies.
    """
    draws = np.asarray(draws, dtype=np.float64)
    count, chains = draws.shape[:2]
    if count < FEWEST_DRAWS:
        return np.full(draws.shape[2:], np.nan)
    total = count * chains
    means = draws.mean(axis=0)
    covariance = _autocovariance(draws - means).mean(axis=1)  # (lags, ...)
    within = covariance[0] * count / (count - 1)
    spread = means.var(axis=0, ddof=1) if chains > 1 else np.zeros_like(within)
    variance = covariance[0] + spread
    constant = variance == 0
    safe = np.where(constant, 1.0, variance)
    rho = 1 - (within - covariance * count / (count - 1)) / safe
    rho[0] = 1
    pairs = rho[: count - count % 2].reshape(count // 2, 2, *rho.shape[1:]).sum(axis=1)
    positive = np.logical_and.accumulate(pairs > 0, axis=0)
    falling = np.minimum.accumulate(np.where(positive, pairs, np.inf), axis=0)
    time = 2 * np.where(positive, falling, 0.0).sum(axis=0) - 1
    size = total / np.maximum(time, 1 / np.log10(total))
    size = np.where(constant, float(total), size)
    return np.where(np.isnan(variance), np.nan, size)


def _autocovariance(centred: np.ndarray) -> np.ndarray:
    """Return the autocovariance of each chain at all lags, over the number of draws; as `centred`.

    By the Fourier transform, with zeros behind so that the ends don't meet.
    """
    count = len(centred)
    spectrum = np.fft.rfft(centred, n=2 * count, axis=0)
    return np.fft.irfft(np.abs(spectrum) ** 2, n=2 * count, axis=0)[:count] / count
