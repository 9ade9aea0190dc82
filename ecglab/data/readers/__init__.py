"""One reader per data set; ``ecglab.data.catalog`` lists them."""
