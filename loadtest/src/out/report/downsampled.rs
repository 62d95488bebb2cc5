//! Reduction of a long series to fewer points, so that its chart is readable and its file small.

use super::model::{Point, ServerPoint};

/// Maximum number of points in a chart.
pub(super) const POINTS_MAX: usize = 150;

/// Merges neighbouring points until at most `most` remain. Returns the merged points, and how many
/// points each of them combines.
///
/// Rates and cores are averaged. For latencies, memory and lifecycles in progress the highest value
/// is kept, so that no peak is lost.
pub(super) fn downsampled(series: &[Point], most: usize) -> (Vec<Point>, usize) {
    let each = series.len().div_ceil(most.max(1)).max(1);
    (series.chunks(each).map(merged).collect(), each)
}

fn merged(points: &[Point]) -> Point {
    let mean = |of: fn(&Point) -> f64| points.iter().map(of).sum::<f64>() / points.len() as f64;
    let any_server = points.iter().any(|point| point.server.is_some());
    Point {
        at_seconds: points.last().map_or(0.0, |point| point.at_seconds),
        offered: mean(|p| p.offered),
        completed: mean(|p| p.completed),
        failed: mean(|p| p.failed),
        refused: mean(|p| p.refused),
        in_flight: points.iter().map(|p| p.in_flight).max().unwrap_or(0),
        p50_us: points.iter().filter_map(|p| p.p50_us).max(),
        p99_us: points.iter().filter_map(|p| p.p99_us).max(),
        client_cores: mean(|p| p.client_cores),
        client_rss_bytes: points.iter().filter_map(|p| p.client_rss_bytes).max(),
        server: any_server.then(|| merged_server(points)),
    }
}

fn merged_server(points: &[Point]) -> ServerPoint {
    let mean = |of: fn(&ServerPoint) -> Option<f64>| {
        let known: Vec<f64> = points.iter().filter_map(|point| point.of_server(of)).collect();
        (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
    };
    let most =
        |of: fn(&ServerPoint) -> Option<u64>| points.iter().filter_map(|p| p.of_server(of)).max();
    ServerPoint {
        cores: mean(|p| p.cores),
        rss_bytes: most(|p| p.rss_bytes),
        descriptors: most(|p| p.descriptors),
        actors: most(|p| p.actors),
        waiters: most(|p| p.waiters),
        batch_units: mean(|p| p.batch_units),
        commits: most(|p| p.commits),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_averaged_and_peaks_kept() {
        let point = |at: u32| Point {
            at_seconds: f64::from(at),
            offered: f64::from(at),
            p99_us: (at != 2).then(|| u64::from(100 - at)),
            server: Some(ServerPoint { rss_bytes: Some(u64::from(at)), ..ServerPoint::default() }),
            ..Point::default()
        };
        let series: Vec<_> = (1..=5).map(point).collect();
        let (few, each) = downsampled(&series, 3);
        assert_eq!((few.len(), each), (3, 2));
        assert_eq!((few[0].at_seconds, few[0].offered, few[0].p99_us), (2.0, 1.5, Some(99)));
        assert_eq!(few[2].server.as_ref().and_then(|s| s.rss_bytes), Some(5));
        assert_eq!(downsampled(&series, 150).0, series);
        assert_eq!(downsampled(&[], 150), (Vec::new(), 1));
    }
}
