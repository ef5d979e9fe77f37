//! HEALPix nested grid on the WGS84 ellipsoid or the sphere.
