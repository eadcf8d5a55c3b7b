namespace Qanat.Hub.Tests.Hosting;

public sealed class HubOptionsValidatorTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("qanat-huboptions-");

    public void Dispose() => _folder.Delete(recursive: true);

    private static string[] Failures(Action<HubOptions> change)
    {
        HubOptions options = new() { Name = "hub-east", DataFolder = "/var/lib/qanat" };
        change(options);
        return [.. new HubOptionsValidator().Validate(null, options).Failures ?? []];
    }

    [Fact]
    public void Defaults_with_a_name_and_a_folder_are_valid() => Assert.Empty(Failures(_ => { }));

    [Fact]
    public void Each_failure_names_its_key_and_the_fix()
    {
        string mid = Qanat.Hub.Tests.Routing.RouterFixture.MidOf(1).ToString();
        string broken = Path.Combine(_folder.FullName, "broken.pem");
        File.WriteAllText(broken, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
        (string Key, Action<HubOptions> Break)[] cases =
        [
            ("name", o => o.Name = "not a name"),
            ("data-folder", o => o.DataFolder = ""),
            ("listen", o => o.Listen = []),
            ("listen[1]", o => o.Listen = ["ws://0.0.0.0:1", "http://x"]),
            ("tls-certificate", o => o.Listen = ["wss://0.0.0.0:443"]),
            ("advertise[0]", o => o.Advertise = ["tcp://x:1"]),
            ("mesh.listen", o => o.Mesh.Listen = "0.0.0.0:7001"),
            ("mesh.advertise", o => o.Mesh.Advertise = "hub"),
            ("mesh.peers[0].mid", o => o.Mesh.Peers = [new MeshPeerOptions { Name = "b", Mid = "x" }]),
            ("mesh.peers[0].name", o => o.Mesh.Peers = [new MeshPeerOptions { Name = "hub-east", Mid = mid }]),
            ("mesh.peers[1].mid", o => o.Mesh.Peers = [new MeshPeerOptions { Name = "b", Mid = mid }, new MeshPeerOptions { Name = "c", Mid = mid }]),
            ("mesh.peers[0].address", o => o.Mesh.Peers = [new MeshPeerOptions { Name = "b", Mid = mid, Address = "b:7001" }]),
            ("quotas.bytes-per-second", o => o.Quotas.BytesPerSecond = 5),
            ("quotas.queue-bytes", o => o.Quotas.QueueBytes = 5),
            ("admin.listen", o => o.Admin.Listen = "https://x"),
            ("enrolment.organisation-ca", o => o.Enrolment.OrganisationCa = "/no/such/file"),
            ("enrolment.organisation-ca", o => o.Enrolment.OrganisationCa = broken),
            ("enrolment.organisation-ca", o => o.Enrolment.OrganisationCa = Path.GetTempPath()),
            ("tls-certificate", o => (o.TlsCertificate, o.TlsKey) = ("/no/such/file", broken)),
            ("tls-key", o => (o.TlsCertificate, o.TlsKey) = (broken, broken)),
            ("tls-key", o => o.TlsCertificate = broken),
            ("tls-certificate", o => o.TlsKey = broken),
        ];
        foreach ((string key, Action<HubOptions> change) in cases)
        {
            string failure = Assert.Single(Failures(change));
            Assert.StartsWith(key + ": ", failure, StringComparison.Ordinal);
            Assert.True(failure.Length > key.Length + 20, failure);
        }
    }
}
