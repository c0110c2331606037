"""How answers hold when videos are disturbed: coded again, cropped, scaled, marked, recoloured."""
