//! The regions of Genesys Cloud (docs/genesys-cloud.md "Hosts and regions"). A secret names a
//! region and not a host, so it cannot make a token go elsewhere.

/// An AWS region of Genesys Cloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    domain: &'static str,
}

/// The AWS region and the domain of each deployment.
const REGIONS: [(&str, &str); 18] = [
    ("us-east-1", "mypurecloud.com"),
    ("us-east-2", "use2.us-gov-pure.cloud"),
    ("us-west-2", "usw2.pure.cloud"),
    ("ca-central-1", "cac1.pure.cloud"),
    ("sa-east-1", "sae1.pure.cloud"),
    ("mx-central-1", "mxc1.pure.cloud"),
    ("eu-west-1", "mypurecloud.ie"),
    ("eu-west-2", "euw2.pure.cloud"),
    ("eu-central-1", "mypurecloud.de"),
    ("eu-central-2", "euc2.pure.cloud"),
    ("ap-northeast-1", "mypurecloud.jp"),
    ("ap-northeast-2", "apne2.pure.cloud"),
    ("ap-northeast-3", "apne3.pure.cloud"),
    ("ap-south-1", "aps1.pure.cloud"),
    ("ap-southeast-1", "apse1.pure.cloud"),
    ("ap-southeast-2", "mypurecloud.com.au"),
    ("me-central-1", "mec1.pure.cloud"),
    ("eusc-de-east-1", "edee1.eusc-pure.cloud"),
];

impl Region {
    /// The region with this AWS name, if Genesys Cloud is there.
    pub fn of(aws_region: &str) -> Option<Region> {
        REGIONS
            .iter()
            .find(|(region, _)| *region == aws_region)
            .map(|(_, domain)| Region { domain })
    }

    /// The URL of the API, without a slash at its end.
    pub fn api_url(self) -> String {
        format!("https://api.{}", self.domain)
    }

    /// The URL of the token endpoint's host, without a slash at its end.
    pub fn login_url(self) -> String {
        format!("https://login.{}", self.domain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_host_is_the_regions_own() {
        let region = Region::of("eu-west-1").unwrap();
        assert_eq!(region.api_url(), "https://api.mypurecloud.ie");
        assert_eq!(region.login_url(), "https://login.mypurecloud.ie");
        assert_eq!(
            Region::of("us-east-1").unwrap().login_url(),
            "https://login.mypurecloud.com"
        );
    }

    #[test]
    fn an_unknown_region_has_no_host() {
        for name in [
            "",
            "us-west-1",
            "US-EAST-1",
            "mypurecloud.com",
            "evil.example.com",
        ] {
            assert_eq!(Region::of(name), None, "{name}");
        }
    }
}
