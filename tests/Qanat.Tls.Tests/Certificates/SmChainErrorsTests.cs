using Qanat.Tls.Certificates;

namespace Qanat.Tls.Tests.Certificates;

public sealed class SmChainErrorsTests
{
    [Fact]
    public void Every_reason_has_an_alert_about_certificates()
    {
        AlertDescription[] certificateAlerts =
        [
            AlertDescription.BadCertificate, AlertDescription.UnsupportedCertificate, AlertDescription.CertificateRevoked, AlertDescription.CertificateExpired,
            AlertDescription.CertificateUnknown, AlertDescription.UnknownCa, AlertDescription.CertificateRequired,
        ];
        Assert.All(Enum.GetValues<SmChainError>(), error => Assert.Contains(error.ToTlsError().ToAlert()!.Value, certificateAlerts));
        Assert.Equal(AlertDescription.CertificateExpired, SmChainError.Expired.ToTlsError().ToAlert());
        Assert.Equal(AlertDescription.UnknownCa, SmChainError.UnknownIssuer.ToTlsError().ToAlert());
        Assert.Equal(AlertDescription.CertificateRevoked, SmChainError.Revoked.ToTlsError().ToAlert());
    }
}
