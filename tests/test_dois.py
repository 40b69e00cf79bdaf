"""A DOI is looked up where it is registered, not at its publisher's."""

from book._ext.dois import where_registered


def test_a_doi_is_looked_up_where_it_is_registered():
    assert where_registered(None, "https://doi.org/10.1007/BF00992696") \
        == "https://doi.org/api/handles/10.1007/BF00992696"
    assert where_registered(None, "https://arxiv.org/abs/1312.6114") is None
