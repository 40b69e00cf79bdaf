"""The search finds an answer to what readers ask, in their own words."""

import pytest

ANSWERS = "when_it_goes_wrong.html"
QUESTIONS = [
    "Why sum and not mean in the reconstruction loss?",
    "Why divide the KL by the batch size?",
    "Why is my KL zero, why are all outputs the same?",
    "posterior collapse, KL vanishing",
    "What is KL annealing?",
    "Why is my loss negative?",
    "Is my ELBO the right number?",
    "Why is my loss NaN after a few steps?",
    "why does everyone use log-variance?",
    "Binary cross-entropy or MSE on grey images?",
    "What value for beta?",
    "What for the decoder's variance?",
    "How many latent dimensions?",
    "How do I generate a particular digit (conditional VAE)?",
    "How do I use my own images, colour, other sizes?",
    "Why are samples blurry, and what makes them sharp?",
    "Reconstructions are good and samples are bad: why?",
    "Do I sample at test time, or take the mean?",
    "What exactly is the reparameterization trick needed for?",
    "How do I save, load, export and serve the encoder and the decoder?",
    "Why do my numbers differ from the tutorial's, and from run to run?",
    "How do I interpolate, and do arithmetic, in latent space?",
    "How do I use a VAE for anomaly detection?",
    "How do I compare with published likelihoods (IWAE, binarisation)?",
    "How do I train on a GPU, on several GPUs, with mixed precision?",
    "VAE, VQ-VAE, diffusion: are VAEs still used?",
    "How do I write this in PyTorch, in JAX, in Keras 3?",
    "My pixels are 0 to 255",
    "Clamp the log-variance?",
    "How do I keep this VAE and use it tomorrow?",
    "Does it run on Colab's TPU runtime?",
    "Is one draw per image enough?",
    "What is a good value for my loss? How many epochs?"]


@pytest.fixture(scope="module")
def search(chromium, bases):
    """Return a function of a question: the pages found, the best first."""
    page = chromium.new_page()

    def search(question):
        page.goto(bases["http"] + "search.html")
        page.locator("main input[name=q]").fill(question)
        page.keyboard.press("Enter")
        page.wait_for_url("**/search.html?q=*")
        page.locator(".search-summary:has-text('found'), "
                     ".search-summary:has-text('did not match')").wait_for()
        page.wait_for_timeout(300)
        return [link.get_attribute("href").partition("?")[0] for link in
                page.locator("#search-results li > a").all()]

    yield search
    page.close()


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_page_of_answers_comes_first(search, question):
    found = search(question)
    assert found and ANSWERS in found[0], found


def test_what_is_no_question_finds_chapters_first(search):
    assert "05_unit_gaussian.html" in search("gaussian")[0]
