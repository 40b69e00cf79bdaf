/* Whoever asks a question gets the page of answers first. All other scores
   are Sphinx's own. */
var Scorer = {
  score: ([docname, , , , score]) => {
    const question = new URLSearchParams(location.search).get("q")
    const isAnswer = docname.endsWith("when_it_goes_wrong")
    return score + (isAnswer && question.trim().split(/\s+/).length > 2
      ? 2 * Scorer.title : 0)
  },
  objNameMatch: 11, objPartialMatch: 6, objPrio: {0: 15, 1: 5, 2: -5},
  objPrioDefault: 0, title: 15, partialTitle: 7, term: 5, partialTerm: 2,
}

/* Not the "s" of "tutorial's", nor "I", unless it is all there is. */
var splitQuery = query => query.split(/[^\p{Letter}\p{Number}_]+/u)
  .filter((word, i, words) => word.length > 1 || word && words.length < 2)
