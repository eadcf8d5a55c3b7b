using System.Diagnostics;

namespace Qanat.Tls.Tests.Certificates;

/// <summary>The <c>openssl</c> program of the machine, version 3 with SM2. Missing: the test is skipped with the reason, or fails where everything is required (QANAT_REQUIRE=all).</summary>
internal sealed class OpenSsl : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("qanat-openssl-");

    private OpenSsl()
    {
    }

    /// <summary>Starts in an empty folder of its own.</summary>
    public static OpenSsl Require()
    {
        string? missing = Missing();
        if (missing is not null)
        {
            if (Environment.GetEnvironmentVariable("QANAT_REQUIRE") == "all")
            {
                Assert.Fail("Required here: " + missing);
            }
            Assert.Skip(missing);
        }
        return new OpenSsl();
    }

    /// <summary>A file of the folder.</summary>
    public string this[string name] => Path.Combine(_folder.FullName, name);

    /// <summary>Writes a file of the folder.</summary>
    public string Write(string name, ReadOnlySpan<char> text)
    {
        File.WriteAllText(this[name], text.ToString());
        return name;
    }

    /// <summary>Reads a text file of the folder.</summary>
    public string Read(string name) => File.ReadAllText(this[name]);

    /// <summary>Runs it; it must succeed.</summary>
    public string Run(params string[] arguments)
    {
        (int code, string output) = Execute(_folder.FullName, arguments);
        Assert.True(code == 0, $"openssl {string.Join(' ', arguments)}: {output}");
        return output;
    }

    /// <summary>Runs it; it must fail.</summary>
    public void Fails(params string[] arguments) => Assert.NotEqual(0, Execute(_folder.FullName, arguments).Code);

    public void Dispose() => _folder.Delete(recursive: true);

    private static string? Missing()
    {
        try
        {
            (int code, string output) = Execute(Path.GetTempPath(), ["version"]);
            if (code != 0 || !output.StartsWith("OpenSSL 3", StringComparison.Ordinal))
            {
                return $"openssl is not version 3: {output}";
            }
            return Execute(Path.GetTempPath(), ["ecparam", "-list_curves"]).Output.Contains("SM2", StringComparison.Ordinal) ? null : "openssl was built without SM2";
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return "openssl is not installed";
        }
    }

    private static (int Code, string Output) Execute(string folder, string[] arguments)
    {
        ProcessStartInfo start = new("openssl", arguments) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output + errors.GetAwaiter().GetResult());
    }
}
