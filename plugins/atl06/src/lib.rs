//! ICESat-2 ATL06 land-ice heights: the source, its default pipeline and product knowledge.
