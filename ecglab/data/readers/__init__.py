"""One short file per data set; ecglab.data.catalog lists them."""
